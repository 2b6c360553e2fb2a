"""What is added to a request, what is left alone, in headers and bodies."""

import asyncio
import gzip
import hashlib
import io
import os
import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from sandbox.alb.headers import trace_id
from sandbox.alb.rules import Rules
from sandbox.alb.testing import Handler, World, running_upstream, running_world, story_answering

pytestmark = pytest.mark.anyio


async def test_the_target_learns_where_a_request_came_from(platform: World) -> None:
    sent = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "gopher", "Host": "truecrime.test"}
    async with platform.client.get(platform.url("/user/v1/me"), headers=sent) as answer:
        seen = {name.lower(): value for name, value in (await answer.json())["headers"]}
    assert seen["x-forwarded-for"] == "203.0.113.7, 127.0.0.1"
    assert (seen["x-forwarded-proto"], seen["x-forwarded-port"]) == ("http", str(platform.port))
    assert seen["host"] == "truecrime.test"
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", seen["x-amzn-trace-id"])


async def test_headers_of_one_hop_end_here_and_no_other_is_invented(platform: World) -> None:
    answer = await platform.raw(
        b"GET /user/v1/me HTTP/1.1\r\nHost: x\r\nConnection: close, X-Private\r\nX-Private: 1\r\nTE: trailers\r\n"
        b"Keep-Alive: timeout=5\r\nX-Twice: a\r\nX-Twice: b\r\n\r\n"
    )
    names = re.findall(rb'\["([^"]+)", "', answer)
    assert names == [
        *(b"Host", b"X-Twice", b"X-Twice"),
        *(b"X-Forwarded-For", b"X-Forwarded-Proto", b"X-Forwarded-Port", b"X-Amzn-Trace-Id"),
    ]


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("", r"Root=1-\w{8}-\w{24}"),
        ("Root=1-67891233-abcdef012345678912345678", r"Self=1-\w{8}-\w{24};Root=1-67891233-abcdef012345678912345678"),
        ("Self=1-0-0;Root=1-2-3;CalledFrom=app", r"Self=1-\w{8}-\w{24};Root=1-2-3;CalledFrom=app"),
        ("CalledFrom=app", r"Root=1-\w{8}-\w{24};CalledFrom=app"),
    ],
)
async def test_the_trace_id_is_made_or_extended(given: str, made: str) -> None:
    assert re.fullmatch(made, trace_id(given))


async def test_more_than_thirty_forwarded_addresses_are_refused(platform: World) -> None:
    many = {"X-Forwarded-For": ", ".join(["10.0.0.1"] * 31)}
    async with platform.client.get(platform.url("/user/v1/me"), headers=many) as answer:
        assert answer.status == 463


async def test_a_webhook_arrives_byte_for_byte(rules: Rules) -> None:
    body = gzip.compress(b'{"id": "evt_1",  "x": "\xc3\xa9"}\r\n\x00')

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        seen = await request.read()
        return web.Response(body=seen, headers={"X-Length": request.headers["Content-Length"]})

    async with running_upstream(handle) as payment, running_world(rules, {"payment": payment}) as world:
        sent = {"Content-Encoding": "gzip", "Stripe-Signature": "t=1,v1=2"}
        async with world.client.post(world.url("/webhooks/stripe"), data=body, headers=sent) as answer:
            assert await answer.read() == body
            assert answer.headers["X-Length"] == str(len(body))


async def test_a_compressed_answer_stays_compressed(rules: Rules) -> None:
    packed = gzip.compress(b"story " * 1000)

    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        answer = web.Response(body=packed, headers={"Content-Encoding": "gzip", "Content-Type": "text/plain"})
        answer.headers.add("Set-Cookie", "a=1")
        answer.headers.add("Set-Cookie", "b=2")
        return answer

    async with (
        story_answering(rules, handle) as world,
        world.client.get(world.url("/story/v1/x")) as answer,
    ):
        assert await answer.read() == packed
        assert answer.headers.getall("Set-Cookie") == ["a=1", "b=2"]
        assert answer.headers["Content-Encoding"] == "gzip"


def echoing_digest(seen: list[str]) -> Handler:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        digest, size = hashlib.sha256(), 0
        async for chunk in request.content.iter_any():
            digest.update(chunk)
            size += len(chunk)
        seen.append(request.headers.get("Transfer-Encoding", "sized"))
        return web.Response(text=f"{size} {digest.hexdigest()}")

    return handle


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_big_upload_streams_through_whole(rules: Rules, chunked: bool) -> None:
    block, count = os.urandom(1 << 20), 24
    seen: list[str] = []

    async def blocks() -> AsyncIterator[bytes]:
        for _ in range(count):
            yield block

    expected = hashlib.sha256(block * count).hexdigest()
    headers = {} if chunked else {"Content-Length": str(count << 20)}
    async with (
        story_answering(rules, echoing_digest(seen)) as world,
        world.client.post(world.url("/story/v1/x"), data=blocks(), headers=headers) as answer,
    ):
        assert await answer.text() == f"{count << 20} {expected}"
    assert seen == ["chunked" if chunked else "sized"]


async def test_a_big_download_streams_through_whole(rules: Rules) -> None:
    block = os.urandom(1 << 20)

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": str(24 << 20)})
        await answer.prepare(request)
        for _ in range(24):
            await answer.write(block)
        return answer

    async with (
        story_answering(rules, handle) as world,
        world.client.get(world.url("/story/v1/x")) as answer,
    ):
        assert answer.content_length == 24 << 20
        assert hashlib.sha256(await answer.read()).digest() == hashlib.sha256(block * 24).digest()


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
async def test_an_answer_without_a_body_has_none(rules: Rules, method: str, status: int) -> None:
    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        body = b"x" * 10 if status == 200 else None
        return web.Response(status=status, body=body, headers={"ETag": '"7"', "Content-Type": "text/plain"})

    async with story_answering(rules, handle) as world:
        request = f"{method} /story/v1/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        head, _, body = (await world.raw(request.encode())).partition(b"\r\n\r\n")
    assert body == b""
    assert f"HTTP/1.1 {status}".encode() in head
    assert b'etag: "7"' in head.lower()
    assert (b"Content-Length: 10" in head) == (method == "HEAD")


async def test_a_client_that_waits_for_100_continue_is_invited(rules: Rules) -> None:
    async with story_answering(rules, echoing_digest([])) as world:
        reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
        writer.write(b"POST /story/v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        async with asyncio.timeout(60):
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"abc")
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_a_target_that_refuses_a_body_early_is_heard(rules: Rules) -> None:
    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        answer = web.json_response({"code": "too_large"}, status=413)
        answer.force_close()
        return answer

    async with story_answering(rules, handle) as world:
        for _ in range(5):
            async with world.client.post(world.url("/story/v1/x"), data=io.BytesIO(bytes(4 << 20))) as answer:
                assert (answer.status, await answer.json()) == (413, {"code": "too_large"})


@pytest.mark.parametrize("line", [b"GET", b"GET /user/v1/me HTTP/9.x", b"G\x00T / HTTP/1.1"])
async def test_a_request_that_is_no_http_is_a_400(platform: World, line: bytes) -> None:
    answer = await platform.raw(line + b"\r\nHost: x\r\n\r\n")
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))
    assert b"Traceback" not in answer
