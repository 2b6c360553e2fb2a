"""Streams pass event by event, the end of one side ends the other, and a bad target is told apart from a dead one."""

import asyncio
import dataclasses
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from sandbox.alb.rules import Rules
from sandbox.alb.testing import running_platform, running_upstream, running_world, story_answering
from sandbox.servers.ports import free_port

pytestmark = pytest.mark.anyio

SSE = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}


async def test_an_event_arrives_before_the_next_is_sent(rules: Rules) -> None:
    seen: asyncio.Queue[bytes] = asyncio.Queue()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse(headers=SSE)
        await answer.prepare(request)
        for n in range(5):
            await answer.write(f"id: {n}\n\n".encode())
            assert await seen.get() == f"id: {n}\n\n".encode()
        return answer

    async with (
        story_answering(rules, handle) as world,
        asyncio.timeout(5),
        world.client.get(world.url("/story/v1/x")) as answer,
    ):
        async for chunk in answer.content.iter_any():
            seen.put_nowait(chunk)
        assert answer.headers["Content-Type"] == "text/event-stream"


async def test_a_client_that_leaves_ends_the_work_of_the_target(rules: Rules) -> None:
    left = asyncio.Event()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse(headers=SSE)
        await answer.prepare(request)
        await answer.write(b"id: 0\n\n")
        try:
            await asyncio.sleep(60)
        finally:
            left.set()
        return answer

    async with story_answering(rules, handle) as world:
        async with world.client.get(world.url("/story/v1/x")) as answer:
            await answer.content.readany()
            answer.close()
        async with asyncio.timeout(0.5):
            await left.wait()


async def test_a_client_that_leaves_before_the_answer_ends_it_too(rules: Rules) -> None:
    started, left = asyncio.Event(), asyncio.Event()

    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            left.set()
        return web.Response()

    async with story_answering(rules, handle) as world:
        call = asyncio.create_task(world.client.post(world.url("/story/v1/x"), data=b"{}")._coro)
        await started.wait()
        call.cancel()
        async with asyncio.timeout(0.5):
            await left.wait()


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "100"}])
async def test_a_target_that_breaks_off_cuts_the_client(rules: Rules, headers: dict[str, str]) -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse(headers=SSE | headers)
        await answer.prepare(request)
        await answer.write(b"id: 0\n\n")
        await asyncio.sleep(0.05)
        assert request.transport is not None
        request.transport.abort()
        return answer

    async with (
        story_answering(rules, handle) as world,
        asyncio.timeout(3),
        world.client.get(world.url("/story/v1/x")) as answer,
    ):
        assert await answer.content.readany() == b"id: 0\n\n"
        with pytest.raises(aiohttp.ClientError):
            await answer.content.readany()


@asynccontextmanager
async def speaking(words: bytes) -> AsyncIterator[str]:
    """A target whose health is good and whose other answers are `words`, then the end."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        healthy = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        writer.write(healthy if b"/healthz" in line else words)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("words", [b"", b"SMTP what?\r\n\r\n", b"HTTP/1.1 2"])
async def test_a_target_that_speaks_no_http_is_a_502(rules: Rules, words: bytes) -> None:
    async with (
        speaking(words) as story,
        running_world(rules, {"story": story}) as world,
        world.client.post(world.url("/story/v1/x"), data=b"{}") as answer,
    ):
        assert (answer.status, answer.content_type) == (502, "text/html")


async def test_a_dead_target_is_a_503_and_serves_again_when_it_is_back(rules: Rules) -> None:
    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="here")

    port = free_port()
    async with running_world(rules, {"story": f"http://127.0.0.1:{port}"}, wait=False) as world:
        for _ in range(2):
            async with running_upstream(handle, port):
                assert await _soon(world.client, world.url("/story/v1/x"), 200) < 1.5
            async with world.client.get(world.url("/story/v1/x")) as answer:
                assert answer.status == 503


async def _soon(client: aiohttp.ClientSession, url: str, status: int) -> float:
    """Ask until `status` comes; return the seconds it took."""
    clock = asyncio.get_running_loop().time
    start = clock()
    async with asyncio.timeout(5):
        while True:
            async with client.get(url) as answer:
                if answer.status == status:
                    return clock() - start
            await asyncio.sleep(0.02)


async def test_an_unhealthy_target_gets_nothing(rules: Rules) -> None:
    asked: list[str] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(status=500)

    check = dataclasses.replace(rules.health_checks["story"], path="/readyz-not")
    sick = dataclasses.replace(rules, health_checks={**rules.health_checks, "story": check})
    async with running_upstream(handle) as story, running_world(sick, {"story": story}, wait=False) as world:
        await asyncio.sleep(0.1)
        async with world.client.get(world.url("/story/v1/x")) as answer:
            assert answer.status == 503
        async with world.client.get(f"http://127.0.0.1:{world.status_port}/_alb/health") as status:
            report = await status.json()
    assert set(asked) == {"/readyz-not"}
    assert report["targets"][0] == {
        "name": "story",
        "url": story,
        "state": "unhealthy",
        "reason": "health check answered 500",
    }
    assert report["rules"]["rules"][0]["path_patterns"] == ["/internal/*"]


async def test_a_silent_target_is_a_504_at_the_idle_timeout(rules: Rules) -> None:
    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    hasty = dataclasses.replace(rules, idle_timeout=0.3)
    async with (
        story_answering(hasty, handle) as world,
        world.client.get(world.url("/story/v1/x")) as answer,
    ):
        assert answer.status == 504


async def test_sixty_four_streams_and_a_slow_reader_do_not_disturb_one_another(rules: Rules) -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse(headers=SSE)
        await answer.prepare(request)
        for n in range(30):
            await answer.write(f"id: {n}\n\n".encode())
            await asyncio.sleep(0.005)
        return answer

    expected = b"".join(f"id: {n}\n\n".encode() for n in range(30))
    async with story_answering(rules, handle) as world:

        async def read() -> bytes:
            async with world.client.get(world.url("/story/v1/x")) as answer:
                return await answer.read()

        assert set(await asyncio.gather(*(read() for _ in range(64)))) == {expected}


async def started(port: int, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox.alb"),
        env={**os.environ, "ALB_PORT": str(port), **environment},
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )


async def test_a_taken_port_is_one_sentence(rules: Rules) -> None:
    async with running_platform(rules, "user") as world:
        process = await started(world.port)
        _, said = await process.communicate()
    assert process.returncode == 1
    assert said.decode() == (
        f"Port {world.port} of 127.0.0.1 is taken: stop what listens there, or set another port.\n"
    )


async def test_it_stops_within_two_seconds_with_streams_open() -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse(headers=SSE)
        await answer.prepare(request)
        await answer.write(b"id: 0\n\n")
        await asyncio.sleep(60)
        return answer

    async with running_upstream(handle) as story, aiohttp.ClientSession() as client:
        port = free_port()
        process = await started(port, TARGET_STORY=story)
        await _listening(port)
        await _soon(client, f"http://127.0.0.1:{port}/nothing", 404)
        await asyncio.sleep(0.3)
        async with client.get(f"http://127.0.0.1:{port}/story/v1/x") as answer:
            assert await answer.content.readany() == b"id: 0\n\n"
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(2):
                assert await process.wait() == 0
            assert process.stderr is not None
            assert b"Traceback" not in await process.stderr.read()


async def _listening(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
