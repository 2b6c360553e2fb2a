"""Forms as a browser fills them in."""

from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response

from sandbox.demo.errors import StepFailed
from sandbox.demo.forms import expect, forms_of, open_page, submit, visible_error

pytestmark = pytest.mark.anyio

PAGE = """
<form action="/search"><input name="q"></form>
<form method="post">
  <input type="hidden" name="csrf" value="t&amp;k"><input name="email" value="old"><input type="submit">
</form>
"""


async def page(_: Request) -> Response:
    return HTMLResponse(PAGE)


async def echo(request: Request) -> Response:
    form = {name: str(value) for name, value in (await request.form()).items()}
    return JSONResponse({"path": request.url.path, "query": request.url.query, "form": form})


async def both(request: Request) -> Response:
    return await (page(request) if request.method == "GET" else echo(request))


def test_a_form_comes_with_the_values_of_the_page() -> None:
    search, sign_up = forms_of(PAGE)
    assert (search.action, search.method, search.fields) == ("/search", "get", {"q": ""})
    assert (sign_up.action, sign_up.method, sign_up.fields) == ("", "post", {"csrf": "t&k", "email": "old"})


async def test_the_form_with_all_fields_is_sent_with_what_it_carries(visiting: Any) -> None:
    visitor = await visiting({"/login": both})
    shown = await open_page(visitor.http, f"{visitor.platform.web}/login?state=s")
    answer = await submit(visitor.http, shown, {"email": "new"})
    assert answer.json() == {"path": "/login", "query": "state=s", "form": {"csrf": "t&k", "email": "new"}}


async def test_what_is_sent_if_asked_is_not_sent_unasked(visiting: Any) -> None:
    visitor = await visiting({"/login": both})
    shown = await open_page(visitor.http, f"{visitor.platform.web}/login")
    answer = await submit(visitor.http, shown, {"csrf": "x"}, if_asked={"email": "new", "phone": "1"})
    assert answer.json()["form"] == {"csrf": "x", "email": "new"}


async def test_a_page_without_the_form_is_a_failure_that_shows_the_page(visiting: Any) -> None:
    async def apology(_: Request) -> Response:
        return PlainTextResponse("We are\n closed.")

    visitor = await visiting({"/login": apology})
    shown = await open_page(visitor.http, f"{visitor.platform.web}/login")
    with pytest.raises(StepFailed, match=r"The page at /login has no form with email: We are closed\."):
        await submit(visitor.http, shown, {"email": "new"})


async def test_a_page_is_opened_through_its_redirects(visiting: Any) -> None:
    async def elsewhere(_: Request) -> Response:
        return RedirectResponse("/login?state=s", 303)

    visitor = await visiting({"/": elsewhere, "/login": page})
    assert (await open_page(visitor.http, f"{visitor.platform.web}/")).url.path == "/login"


def test_a_failure_says_what_was_expected_and_what_came() -> None:
    request = httpx2.Request("POST", "http://127.0.0.1/story/v1/stories")
    answer = httpx2.Response(503, text='{"code": "unavailable"}', request=request)
    with pytest.raises(StepFailed) as failure:
        expect(answer, 200, 202)
    assert str(failure.value) == 'POST /story/v1/stories answered 503, not 200 or 202: {"code": "unavailable"}'


def test_an_answer_without_words_and_one_with_too_many_are_both_said_shortly() -> None:
    assert visible_error("") == "(no words)"
    assert len(visible_error("word " * 1000)) == 300
