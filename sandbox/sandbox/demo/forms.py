"""Fills in the forms of a page as a browser would: the page says where they go and what they carry along."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx2

from sandbox.demo.errors import StepFailed

_REDIRECTS = frozenset({302, 303, 307})


@dataclass(slots=True)
class Form:
    """One form of a page."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class _FormReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(found.get("action", ""), found.get("method", "get").lower()))
        elif tag == "input" and self.forms and found.get("name"):
            self.forms[-1].fields[found["name"]] = found.get("value", "")


def forms_of(page: str) -> list[Form]:
    """Return the forms of a page, with the values they come with."""
    reader = _FormReader()
    reader.feed(page)
    return reader.forms


async def submit(
    http: httpx2.AsyncClient, page: httpx2.Response, values: dict[str, str], *, if_asked: dict[str, str] | None = None
) -> httpx2.Response:
    """Send the page's first form that has all fields of `values`. Raises StepFailed when there is none."""
    for form in forms_of(page.text):
        if values.keys() <= form.fields.keys():
            target = urljoin(str(page.url), form.action or str(page.url))
            also = {name: value for name, value in (if_asked or {}).items() if name in form.fields}
            return await http.post(target, data=form.fields | values | also)
    raise StepFailed(f"The page at {page.url.path} has no form with {', '.join(values)}: {visible_error(page.text)}")


async def open_page(http: httpx2.AsyncClient, url: str) -> httpx2.Response:
    """Open a page as a browser does, following redirects on the same host."""
    answer = await http.get(url)
    while answer.status_code in _REDIRECTS:
        answer = await http.get(urljoin(str(answer.url), answer.headers["location"]))
    return expect(answer, 200)


def expect(answer: httpx2.Response, *statuses: int) -> httpx2.Response:
    """Return the answer if it has one of `statuses`. Raises StepFailed with what it said instead."""
    if answer.status_code not in statuses:
        wanted = " or ".join(map(str, statuses))
        said = visible_error(answer.text)
        raise StepFailed(
            f"{answer.request.method} {answer.url.path} answered {answer.status_code}, not {wanted}: {said}"
        )
    return answer


def visible_error(text: str) -> str:
    """Return the first words of an answer, on one line."""
    return " ".join(text.split())[:300] or "(no words)"
