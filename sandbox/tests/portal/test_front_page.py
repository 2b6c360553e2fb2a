"""The page as it is served: what it shows of a platform, and what its policy lets it do."""

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

pytestmark = pytest.mark.anyio

LOGIN, STRIPE, OPENAI, MAIL = (f"http://127.0.0.1:{port}" for port in (19001, 19002, 19003, 19004))


def a_platform(**changes: Any) -> dict[str, Any]:
    services = {
        name: {
            "ready_url": "http://127.0.0.1:9/readyz",
            "worker_url": "http://127.0.0.1:9",
            "docs_url": f"http://127.0.0.1:8000/{name}/docs",
        }
        for name in ("user", "story", "payment", "admin")
    }
    people = [{"role": role, "email": f"{role}@truecrime.test"} for role in ("reader", "subscriber", "admin")]
    return {
        "web": "http://127.0.0.1:8000",
        "services": services,
        "cognito": {"is_ours": True, "url": LOGIN, "client_id": "truecrime-web"},
        "stripe": {"is_ours": True, "url": STRIPE},
        "openai": {"is_ours": True, "url": OPENAI},
        "mail": {"url": MAIL},
        "people": people,
    } | changes


def write(file: Path, document: bytes) -> None:
    file.write_bytes(document)


def record(file: Path, **changes: Any) -> None:
    write(file, orjson.dumps(a_platform(**changes)))


class Page(HTMLParser):
    """What a policy has a say in: inline scripts and styles, handlers in attributes, addresses."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.inline: dict[str, list[str]] = {"script": [], "style": []}
        self.data: list[str] = []
        self.attributes: set[str] = set()
        self.links: set[str] = set()
        self.logins: list[str] = []
        self._into: list[str] | None = None
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.attributes |= found.keys()
        if tag == "a":
            self.links.add(found["href"] or "")
        if "data-login" in found:
            self.logins.append(found["data-login"] or "")
        if tag in self.inline:
            self._into = self.data if found.get("type") == "application/json" else self.inline[tag]
            self._into.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.inline:
            self._into = None

    def handle_data(self, data: str) -> None:
        if self._into is not None:
            self._into[-1] += data


def digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


async def test_a_platform_that_is_still_starting_has_a_page_that_says_so(browser: httpx2.AsyncClient) -> None:
    answer = await browser.get("/")
    assert answer.status_code == 200
    assert "The platform is starting" in answer.text
    assert Page(answer.text).logins == [""]


async def test_a_record_that_is_half_written_counts_as_none(browser: httpx2.AsyncClient, platform_file: Path) -> None:
    write(platform_file, b'{"web": "http')
    assert "The platform is starting" in (await browser.get("/")).text


async def test_the_page_links_every_api_and_every_stand_in(browser: httpx2.AsyncClient, platform_file: Path) -> None:
    record(platform_file)
    page = Page((await browser.get("/")).text)
    docs = {f"http://127.0.0.1:8000/{name}/docs" for name in ("user", "story", "payment", "admin")}
    assert docs | {f"{address}/" for address in (LOGIN, STRIPE, OPENAI, MAIL)} <= page.links


async def test_each_seeded_person_is_one_click_away(browser: httpx2.AsyncClient, platform_file: Path) -> None:
    record(platform_file)
    page = Page((await browser.get("/")).text)
    assert page.logins == ["reader@truecrime.test", "subscriber@truecrime.test", "admin@truecrime.test", ""]


async def test_a_real_vendor_is_neither_linked_nor_called_a_stand_in(
    browser: httpx2.AsyncClient, platform_file: Path
) -> None:
    record(platform_file, stripe={"is_ours": False, "url": STRIPE}, openai={"is_ours": False, "url": OPENAI})
    answer = await browser.get("/")
    assert not {f"{STRIPE}/", f"{OPENAI}/"} & Page(answer.text).links
    assert "Cognito is a stand-in" in answer.text
    assert "4242" not in answer.text


async def test_with_the_real_cognito_nobody_is_signed_in_by_one_click(
    browser: httpx2.AsyncClient, platform_file: Path
) -> None:
    record(platform_file, cognito={"is_ours": False, "url": "https://login.example", "client_id": "c"})
    answer = await browser.get("/")
    assert Page(answer.text).logins == [""]
    assert "connect-src 'self' https://login.example;" in answer.headers["content-security-policy"]


async def test_the_login_comes_back_to_the_same_page(browser: httpx2.AsyncClient, platform_file: Path) -> None:
    record(platform_file)
    assert (await browser.get("/callback?code=c&state=s")).text == (await browser.get("/")).text


async def test_the_policy_names_exactly_the_scripts_and_styles_of_the_page(
    browser: httpx2.AsyncClient, platform_file: Path
) -> None:
    record(platform_file)
    answer = await browser.get("/")
    policy = answer.headers["content-security-policy"]
    page = Page(answer.text)
    for kind, texts in page.inline.items():
        allowed = re.search(rf"{kind}-src ([^;]*)", policy)
        assert allowed
        assert set(allowed[1].split()) == set(map(digest, texts))
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not {name for name in page.attributes if name.startswith("on") or name == "style"}


async def test_the_program_makes_no_markup_of_what_others_wrote(
    browser: httpx2.AsyncClient, platform_file: Path
) -> None:
    record(platform_file)
    program = "".join(Page((await browser.get("/")).text).inline["script"])
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert way not in program


async def test_nothing_in_the_record_ends_the_element_that_carries_it(
    browser: httpx2.AsyncClient, platform_file: Path
) -> None:
    hostile = "</script><script>alert(1)</script>"
    record(platform_file, cognito={"is_ours": True, "url": LOGIN, "client_id": hostile})
    page = Page((await browser.get("/")).text)
    assert orjson.loads(page.data[0]) == {"login": LOGIN, "client": hostile}
    assert not [script for script in page.inline["script"] if "alert(1)" in script]


async def test_no_cache_keeps_the_page_and_no_site_frames_it(browser: httpx2.AsyncClient) -> None:
    headers = (await browser.get("/")).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize(
    ("method", "path", "code", "allow"),
    [("GET", "/USER/v1/me", "not_found", ""), ("POST", "/", "method_not_allowed", "GET, HEAD")],
)
async def test_a_mistyped_address_is_a_problem(
    browser: httpx2.AsyncClient, method: str, path: str, code: str, allow: str
) -> None:
    answer = await browser.request(method, path)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["code"], answer.json()["status"]) == (code, answer.status_code)
    assert set(answer.headers.get("allow", "").split(", ")) == set(allow.split(", "))
