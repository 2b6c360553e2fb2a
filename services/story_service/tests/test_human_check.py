"""The human check against a server that answers as captchas do, or not as it should."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import parse_qs

import httpx2
import pytest

from story_service.infrastructure.desk.human_check import SiteVerify

pytestmark = pytest.mark.anyio


class Verifier:
    """Answers every check with `status` and `body`, and keeps the forms that came."""

    def __init__(self) -> None:
        self.status, self.body, self.forms = 200, b'{"success": true}', list[dict[str, list[str]]]()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        self.forms.append(parse_qs((await reader.readexactly(length)).decode()))
        start = b"HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (self.status, len(self.body))
        writer.write(start + self.body)
        await writer.drain()
        writer.close()


@pytest.fixture
def verifier() -> Verifier:
    return Verifier()


@pytest.fixture
async def check(verifier: Verifier) -> AsyncIterator[SiteVerify]:
    server = await asyncio.start_server(verifier.serve, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/siteverify"
    async with server, httpx2.AsyncClient() as http:
        yield SiteVerify(address, "s3cret", http)


async def test_who_is_found_human_passes_and_the_secret_goes_to_the_service(
    check: SiteVerify, verifier: Verifier
) -> None:
    assert await check.passes("token")
    assert verifier.forms == [{"secret": ["s3cret"], "response": ["token"]}]


@pytest.mark.parametrize("body", [b'{"success": false}', b'{"success": "true"}', b"{}"])
async def test_who_is_not_found_human_does_not_pass(check: SiteVerify, verifier: Verifier, body: bytes) -> None:
    verifier.body = body
    assert not await check.passes("token")


@pytest.mark.parametrize("token", [None, ""])
async def test_without_a_token_nobody_is_asked(check: SiteVerify, verifier: Verifier, token: str | None) -> None:
    assert not await check.passes(token)
    assert verifier.forms == []


@pytest.mark.parametrize(("status", "body"), [(500, b"{}"), (200, b"no JSON"), (200, b"[]")])
async def test_a_check_that_does_not_answer_as_it_should_lets_pass(
    check: SiteVerify, verifier: Verifier, status: int, body: bytes
) -> None:
    verifier.status, verifier.body = status, body
    assert await check.passes("token")
