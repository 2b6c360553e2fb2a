"""For tests: upstreams on real ports and the load balancer before them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from sandbox.alb.rules import Rules
from sandbox.alb.server import Settings, running_alb
from sandbox.alb.targets import Target
from sandbox.servers.ports import free_port

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class World:
    port: int
    status_port: int
    client: aiohttp.ClientSession

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def raw(self, request: bytes) -> bytes:
        """Send bytes as they are and read until the load balancer closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        async with asyncio.timeout(5):
            answer = await reader.read()
        writer.close()
        return answer


@asynccontextmanager
async def running_world(rules: Rules, targets: dict[str, str], *, wait: bool = True) -> AsyncIterator[World]:
    port, status_port = free_port(), free_port()
    settings = Settings(rules=rules, port=port, targets=targets, status_port=status_port)
    async with running_alb(settings) as watched, aiohttp.ClientSession(auto_decompress=False) as client:
        if wait:
            await _all_healthy(watched.values())
        yield World(port, status_port, client)


async def _all_healthy(targets: Iterable[Target]) -> None:
    async with asyncio.timeout(5):
        for target in targets:
            await target.became_healthy.wait()


@asynccontextmanager
async def running_upstream(handler: Handler, port: int = 0) -> AsyncIterator[str]:
    """Serve `handler` behind a /healthz that always passes."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="ok") if request.path == "/healthz" else await handler(request)

    server = web.Server(handle, handler_cancellation=True, auto_decompress=False, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    port = port or free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def story_answering(rules: Rules, handler: Handler) -> AsyncIterator[World]:
    async with running_upstream(handler) as story, running_world(rules, {"story": story}) as world:
        yield world


@asynccontextmanager
async def running_platform(rules: Rules, *names: str) -> AsyncIterator[World]:
    """Every target answers with its name and what arrived."""
    async with AsyncExitStack() as stack:
        targets = {name: await stack.enter_async_context(running_upstream(_telling(name))) for name in names}
        yield await stack.enter_async_context(running_world(rules, targets))


def _telling(name: str) -> Handler:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if request.raw_path == "/":
            return web.Response(text=name)
        length = len(await request.read())
        headers = list(request.headers.items())
        return web.json_response({"service": name, "target": request.raw_path, "headers": headers, "length": length})

    return handle
