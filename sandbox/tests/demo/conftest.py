"""A stub of the platform that plays what a test tells it to, served on a port as the real one is."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.demo.platform import Platform
from sandbox.demo.visitor import Visitor

Answer = Callable[[Request], Awaitable[Response]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    config = uvicorn.Config(app, port=0, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    config.load()
    server, sockets = uvicorn.Server(config), [config.bind_socket()]
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=sockets)
    try:
        yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    finally:
        await server.shutdown(sockets=sockets)


@pytest.fixture
async def visiting() -> AsyncIterator[Callable[[dict[str, Answer]], Awaitable[Visitor]]]:
    """Return what makes a visitor to a platform of these answers; the stand-ins are at the same address."""
    async with AsyncExitStack() as stack:

        async def visit(answers: dict[str, Answer]) -> Visitor:
            routes = [Route(path, answer, methods=["GET", "POST"]) for path, answer in answers.items()]
            address = await stack.enter_async_context(serving(Starlette(routes=routes)))
            platform = Platform(address, address, "truecrime-web", address, address, {}, "secret")
            return await stack.enter_async_context(Visitor(platform, "reader@truecrime.test", "secret"))

        yield visit
