"""What a caller sees when a service says no, and when it breaks."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import httpx2
import pytest
from fastapi import APIRouter, FastAPI, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import OperationalError

from common_service.app import create_service_app
from common_service.problems import MEDIA_TYPE, Problem, ProblemTable

pytestmark = pytest.mark.anyio
LIMIT = 1000


class LimitReached(Exception):
    def __init__(self) -> None:
        super().__init__("No more stories today.")
        self.limit, self.resets_at, self.secret = 3, datetime(2026, 11, 22, tzinfo=UTC), "hidden"
        self.user_id = UUID(int=7)


class StoryLimitReached(LimitReached):
    pass


class Busy(Exception):
    retry_after = 9


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: Annotated[str, Field(max_length=5)]


PROBLEMS = ProblemTable(
    {
        LimitReached: Problem(429, "quota_exceeded", ("limit", "resets_at", "user_id"), retry_after=60),
        Busy: Problem(503, "busy", detail="Come back."),
    }
)
routes = APIRouter(prefix="/kit/v1")
ERRORS: dict[str, Exception] = {
    "limit": LimitReached(),
    "leaf": StoryLimitReached(),
    "busy": Busy(),
    "defect": ZeroDivisionError("the password is hunter2"),
    "database": OperationalError("SELECT secret", {}, Exception("host=db password=hunter2")),
    "teapot": HTTPException(418, "some text of a library"),
}


@routes.get("/fails/{how}")
async def fails(how: str) -> None:
    raise ERRORS[how]


@routes.post("/things")
async def things(body: Body) -> dict[str, str]:
    return {"title": body.title}


@routes.get("/things")
async def list_things(limit: Annotated[int, Query(le=10)] = 1) -> list[int]:
    return [limit]


other = APIRouter(prefix="/kit/v1")
part = APIRouter(prefix="/parts")
rest = APIRouter()


@other.put("/things")
async def put_things() -> None: ...


@part.get("/{number:int}")
async def read_part(number: int) -> int:
    return number


@rest.delete("/parts/{number:int}")
async def delete_part(number: int) -> None: ...


@part.post("/{name}")
async def rename_part(name: str) -> None: ...


other.include_router(part)
other.include_router(rest)


async def ready() -> None: ...


def app() -> FastAPI:
    return create_service_app(
        title="kit", prefix="/kit", routers=[routes, other], problems=PROBLEMS, ready=ready, body_limit=LIMIT
    )


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app(), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://kit") as client:
        yield client


def document(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, MEDIA_TYPE), answer.text
    found: dict[str, Any] = answer.json()
    assert (found["status"], found["code"]) == (status, code)
    assert found["type"] == f"urn:truecrime:problem:{code}"
    assert found["request_id"] == answer.headers["x-request-id"]
    return found


@pytest.mark.parametrize("how", ["limit", "leaf"])
async def test_a_refusal_shows_its_sentence_and_only_the_named_facts(http: httpx2.AsyncClient, how: str) -> None:
    answer = await http.get(f"/kit/v1/fails/{how}")
    found = document(answer, 429, "quota_exceeded")
    assert found["detail"] == "No more stories today."
    assert (found["limit"], found["resets_at"]) == (3, "2026-11-22T00:00:00Z")
    assert found["user_id"] == str(UUID(int=7))
    assert answer.headers["retry-after"] == "60"
    assert "hidden" not in answer.text


async def test_a_refusal_may_know_itself_when_to_come_back(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/kit/v1/fails/busy")
    assert answer.headers["retry-after"] == "9"
    document(answer, 503, "busy")


async def test_a_defect_tells_nothing_and_still_carries_id_and_headers(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/kit/v1/fails/defect", headers={"X-Request-Id": "mine-1"})
    assert document(answer, 500, "internal_error")["detail"] is None
    assert answer.headers["x-request-id"] == "mine-1"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "hunter2" not in answer.text


async def test_a_database_that_fails_is_503_and_says_nothing_of_itself(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/kit/v1/fails/database")
    document(answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert "hunter2" not in answer.text
    assert "SELECT" not in answer.text


async def test_the_text_of_a_library_stays_in_the_house(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/kit/v1/fails/teapot")
    document(answer, 418, "http_error")
    assert "library" not in answer.text


@pytest.mark.parametrize("path", ["/nope", "/kit/v1/nope", "/kit/v1/things/", "/kit/v1/things/1"])
async def test_an_unknown_path_is_404(http: httpx2.AsyncClient, path: str) -> None:
    document(await http.get(path), 404, "not_found")


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "BREW"])
async def test_405_names_the_methods_of_every_router(http: httpx2.AsyncClient, method: str) -> None:
    answer = await http.request(method, "/kit/v1/things")
    document(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, POST, PUT"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS"])
async def test_405_names_the_methods_of_routers_in_routers(http: httpx2.AsyncClient, method: str) -> None:
    answer = await http.request(method, "/kit/v1/parts/7")
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET, HEAD, POST")
    for allowed in answer.headers["allow"].split(", "):
        assert (await http.request(allowed, "/kit/v1/parts/7")).status_code == 200
    assert (await http.request(method, "/kit/v1/parts/x")).headers["allow"] == "POST"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"nonsense", b"\xff\xfe", b'{"title": "x"', b"[" * 900, b'{"title": 1' + b"0" * 800, b"\xef\xbb\xbf{"],
)
async def test_a_body_that_is_no_json_is_400_or_422(http: httpx2.AsyncClient, body: bytes) -> None:
    answer = await http.post("/kit/v1/things", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}
    document(answer, answer.status_code, "malformed" if answer.status_code == 400 else "validation_failed")


async def test_values_that_do_not_fit_are_named_by_pointers(http: httpx2.AsyncClient) -> None:
    found = document(
        await http.post("/kit/v1/things", json={"title": "too long", "a/b~c": 1}), 422, "validation_failed"
    )
    assert {error["pointer"] for error in found["errors"]} == {"/title", "/a~1b~0c"}
    found = document(await http.get("/kit/v1/things?limit=11"), 422, "validation_failed")
    assert found["errors"][0]["pointer"] == "query/limit"


async def test_half_a_surrogate_pair_is_refused_and_not_a_defect(http: httpx2.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    for body in (rb'{"title": "\ud800"}', rb'{"\ud800": 1}', rb'{"title": "a", "\udfff/x": 1}'):
        document(await http.post("/kit/v1/things", content=body, headers=headers), 422, "validation_failed")


async def test_a_thousand_wrong_fields_do_not_make_a_long_answer(http: httpx2.AsyncClient) -> None:
    found = document(await http.post("/kit/v1/things", json={f"x{n}": 1 for n in range(90)}), 422, "validation_failed")
    assert len(found["errors"]) == 20


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_of_another_kind_is_415(http: httpx2.AsyncClient, kind: str) -> None:
    answer = await http.post("/kit/v1/things", content=b'{"title": "a"}', headers={"Content-Type": kind})
    document(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("path", ["/kit/v1/things?q=%00", "/kit/v1/fails/%00", "/kit/v1/things?limit=1%00"])
async def test_nul_in_the_address_is_malformed(http: httpx2.AsyncClient, path: str) -> None:
    document(await http.get(path), 400, "malformed")


async def test_an_announced_body_over_the_limit_is_413(http: httpx2.AsyncClient) -> None:
    for path in ("/kit/v1/things", "/nope"):
        answer = await http.post(path, content=b"x" * (LIMIT + 1), headers={"Content-Type": "application/json"})
        document(answer, 413, "too_large")


async def test_a_chunked_body_over_the_limit_is_413(http: httpx2.AsyncClient) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100

    answer = await http.post("/kit/v1/things", content=parts(), headers={"Content-Type": "application/json"})
    document(answer, 413, "too_large")


async def test_a_body_of_exactly_the_limit_is_read(http: httpx2.AsyncClient) -> None:
    body = b'{"title": "a"}'.ljust(LIMIT)
    answer = await http.post("/kit/v1/things", content=body, headers={"Content-Type": "application/json"})
    assert answer.json() == {"title": "a"}


def test_the_contract_speaks_of_problems_and_of_nothing_else() -> None:
    contract = app().openapi()
    assert set(contract["components"]["schemas"]) == {"Problem", "Body"}
    responses = contract["paths"]["/kit/v1/things"]["post"]["responses"]
    assert set(responses) == {"200", "400", "413", "415", "422", "503"}
    assert MEDIA_TYPE in responses["422"]["content"]


def test_a_route_names_its_refusals_from_the_same_table() -> None:
    responses = PROBLEMS.responses(LimitReached, Busy)
    assert {status: entry["description"] for status, entry in responses.items()} == {
        429: "Too Many Requests: quota_exceeded",
        503: "Service Unavailable: unavailable, busy",
    }
