"""The stand-in served on a port, and the vendor's SDK before it with its strictest checks."""

from collections.abc import AsyncIterator

import openai
import pytest
import uvicorn

from sandbox.openai.app import create_app


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def address() -> AsyncIterator[str]:
    config = uvicorn.Config(
        create_app(tokens_per_second=0),
        port=0,
        log_level="critical",
        lifespan="off",
        loop="none",
        timeout_graceful_shutdown=1,
    )
    config.load()
    server, sockets = uvicorn.Server(config), [config.bind_socket()]
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=sockets)  # without the loop that looks for signals every 0.1 s
    yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    await server.shutdown(sockets=sockets)


@pytest.fixture
async def client(address: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        api_key="sk-test", base_url=f"{address}/v1", max_retries=0, timeout=20, _strict_response_validation=True
    ) as client:
        yield client
