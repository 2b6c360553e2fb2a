"""Every fault of a provider, over its protocol: each ends where the table of 9.2 says, and never above the quote."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator

import httpx2
import pytest
import uvicorn

from sandbox.openai.app import create_app
from services.story_service.tests.memory import MemoryDatabase
from services.story_service.tests.worlds import READER, STORY_TEXT, UNSAFE, World, in_pieces
from story_service.domain.generation import Billing, State
from story_service.infrastructure.openai_client import OpenAIClient, ProviderClients
from story_service.infrastructure.openai_writer import OpenAIWriter

pytestmark = pytest.mark.anyio
NOTHING = {"stories.day": 0, "tokens.month": 0}
WRITTEN = (State.SUCCEEDED, None)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def vendor() -> AsyncIterator[str]:
    """Serve the stand-in at full speed, once for all."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(create_app(tokens_per_second=0), log_level="critical", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listener]))
        async with asyncio.timeout(60), httpx2.AsyncClient() as http:
            while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
                await asyncio.sleep(0.01)
            await http.get(f"http://127.0.0.1:{listener.getsockname()[1]}/_sandbox/faults")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving


@pytest.fixture
async def client(vendor: str) -> AsyncIterator[OpenAIClient]:
    client = OpenAIClient(f"{vendor}/v1", "sk-of-the-tests")
    await client.warm()
    async with httpx2.AsyncClient() as http:
        await http.delete(f"{vendor}/_sandbox/faults")
    yield client
    await client.close()


@pytest.mark.parametrize(
    ("fault", "end"),
    [
        ({"kind": "429"}, WRITTEN),
        ({"kind": "500"}, WRITTEN),
        ({"kind": "503"}, WRITTEN),
        ({"kind": "cut", "after_chunks": 0}, WRITTEN),
        ({"kind": "429", "count": 2}, (State.FAILED, "provider_rate_limited")),
        ({"kind": "insufficient_quota", "count": 2}, (State.FAILED, "provider_rate_limited")),
        ({"kind": "500", "count": 2}, (State.FAILED, "provider_unavailable")),
        ({"kind": "503", "count": 2}, (State.FAILED, "provider_unavailable")),
        ({"kind": "timeout"}, (State.FAILED, "provider_timeout")),
        ({"kind": "slow", "seconds": 5}, (State.FAILED, "provider_timeout")),
        ({"kind": "cut", "after_chunks": 8}, (State.FAILED, "provider_cut")),
        ({"kind": "cut", "after_chunks": 300}, (State.FAILED, "provider_cut")),
        ({"kind": "refusal"}, (State.FAILED, "provider_refused")),
        ({"kind": "empty"}, (State.FAILED, "provider_empty")),
        ({"kind": "split_utf8"}, WRITTEN),
        ({"kind": "slow", "after_chunks": 8, "seconds": 0.2}, WRITTEN),
        ({"kind": "no_usage"}, WRITTEN),
        ({"kind": "usage_overrun"}, WRITTEN),
    ],
    ids=lambda value: "-".join(str(part) for part in value.values()) if isinstance(value, dict) else "",
)
async def test_each_fault_ends_by_the_table(
    vendor: str, client: OpenAIClient, fault: dict[str, object], end: tuple[State, str | None]
) -> None:
    provider = OpenAIWriter(ProviderClients(client, {}))
    patience = 1.0 if end[1] == "provider_timeout" else 30.0
    world = World(MemoryDatabase().work, provider=provider, first_word_seconds=patience)
    async with httpx2.AsyncClient() as http:
        assert (await http.post(f"{vendor}/_sandbox/faults", json=fault)).status_code == 201
    ended = await world.ended(await world.ask())
    assert (ended.state, ended.error_code) == end
    assert ended.price <= ended.quote.price
    charged = await world.settled()
    if end == WRITTEN:
        assert charged == {"stories.day": 1, "tokens.month": ended.price}
        assert await world.text(ended)
        assert bool(ended.usage and ended.usage.estimated) is (fault["kind"] == "no_usage")
        assert (ended.price == ended.quote.price) is (fault["kind"] == "usage_overrun")
    else:
        assert (ended.billing, charged) == (Billing.RELEASED, NOTHING)


async def test_a_block_anywhere_lets_nothing_of_its_window_out_and_costs_nothing() -> None:
    draw = random.Random(5)
    for at in (draw.randrange(len(STORY_TEXT)) for _ in range(25)):
        world = World(MemoryDatabase().work)
        world.writer.scripts = [in_pieces(STORY_TEXT[:at] + UNSAFE + STORY_TEXT[at:], draw.randrange(1, 40))]
        ended = await world.ended(await world.ask())
        assert (ended.state, ended.billing) == (State.BLOCKED, Billing.RELEASED)
        out = await world.text(ended)
        assert STORY_TEXT[:at].startswith(out), at
        assert await world.settled() == NOTHING
        [story] = await world.use.stories.page(READER, before=None, most=2)
        assert story.body == ""
