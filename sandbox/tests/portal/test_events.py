"""The tail of the bus, over a real Redis-protocol server that may go away and come back."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis as Client

from sandbox.portal.events import EventTail
from sandbox.servers.redis import Redis, start_redis

pytestmark = pytest.mark.anyio


@contextmanager
def a_bus(directory: Path, port: int | None = None) -> Iterator[Redis]:
    server = start_redis(directory, port=port)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with a_bus(tmp_path_factory.mktemp("bus")) as server:
        yield server


@pytest.fixture
async def redis(bus: Redis) -> AsyncIterator[Client]:
    async with Client.from_url(bus.url, socket_timeout=5) as client:
        await client.flushall()
        yield client


async def never() -> bool:
    return False


def a_fact(name: str, second: int = 0) -> dict[str, Any]:
    time = f"2026-11-05T12:00:{second:02}Z"
    return {"id": name, "type": "story.created", "source": "story", "subject": "u", "time": time, "data": {}}


async def tell(redis: Client, source: str, fact: dict[str, Any]) -> None:
    await redis.xadd(f"events:{source}", {"event": orjson.dumps(fact)})


def tail_of(redis: Client) -> EventTail:
    return EventTail(redis, wait_ms=50, patience=0.02)


async def take(lines: AsyncIterator[bytes], count: int) -> list[str]:
    """Return the ids of the next facts, and the bus's own words."""
    found: list[str] = []
    async with asyncio.timeout(60):
        async for line in lines:
            if line.startswith(b"event: bus"):
                found.append(line.split()[-1].decode())
            elif line.startswith(b"data: "):
                found.append(orjson.loads(line.removeprefix(b"data: "))["id"])
            if len(found) == count:
                return found
    return found


async def test_the_recent_past_comes_first_in_order_of_time(redis: Client) -> None:
    await tell(redis, "story", a_fact("second", 2))
    await tell(redis, "user", a_fact("first", 1))
    await tell(redis, "payment", a_fact("third", 3))
    async with aclosing(tail_of(redis).follow(never)) as lines:
        assert await take(lines, 3) == ["first", "second", "third"]


async def test_what_happens_afterwards_follows(redis: Client) -> None:
    await tell(redis, "story", a_fact("before"))
    async with aclosing(tail_of(redis).follow(never)) as lines:
        await take(lines, 1)
        await tell(redis, "admin", a_fact("after"))
        assert await take(lines, 1) == ["after"]


async def test_what_is_no_fact_of_ours_is_passed_over(redis: Client) -> None:
    await redis.xadd("events:story", {"other": "x"})
    await redis.xadd("events:story", {"event": "no json"})
    await redis.xadd("events:story", {"event": "[1]"})
    await tell(redis, "story", a_fact("fact"))
    async with aclosing(tail_of(redis).follow(never)) as lines:
        assert await take(lines, 1) == ["fact"]


async def test_a_quiet_bus_is_pinged_over(redis: Client) -> None:
    async with aclosing(tail_of(redis).follow(never)) as lines:
        assert [await anext(lines) for _ in range(3)] == [b": ping\n\n"] * 3


async def test_a_closed_page_ends_the_tail(redis: Client) -> None:
    async def at_once() -> bool:
        return True

    assert [line async for line in tail_of(redis).follow(at_once)] == [b": ping\n\n"]


async def test_the_tail_goes_on_where_it_was_when_the_bus_restarts(tmp_path: Path) -> None:
    with a_bus(tmp_path) as first:
        redis = Client.from_url(first.url, socket_timeout=5)
        await tell(redis, "story", a_fact("before"))
        lines = tail_of(redis).follow(never)
        assert await take(lines, 1) == ["before"]
    assert await take(lines, 1) == ["away"]
    with a_bus(tmp_path, first.port) as again:
        async with Client.from_url(again.url) as other:
            await tell(other, "story", a_fact("after"))
        assert await take(lines, 2) == ["back", "after"]
        await lines.aclose()
        await redis.aclose()


async def test_a_page_opened_while_the_bus_is_down_fills_when_it_is_up(tmp_path: Path) -> None:
    with a_bus(tmp_path) as first:
        async with Client.from_url(first.url) as redis:
            await tell(redis, "story", a_fact("kept"))
    async with Client.from_url(first.url, socket_timeout=5) as redis, aclosing(tail_of(redis).follow(never)) as lines:
        assert await take(lines, 1) == ["away"]
        with a_bus(tmp_path, first.port):
            assert await take(lines, 2) == ["back", "kept"]
