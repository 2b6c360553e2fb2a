"""The feed passes nothing by, however transactions overlap, and tells every page's place."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as Busy

from common_events.envelope import Envelope
from common_events.feed import EventFeed
from common_events.feed_routes import feed_routes
from common_events.outbox import Fact, SqlOutbox
from common_events.tables import messaging_tables
from common_service.app import create_service_app
from common_service.database import Database
from common_service.pagination import Cursors
from common_service.problems import ProblemTable
from common_service.tables import schema_metadata

pytestmark = pytest.mark.anyio
TABLES = messaging_tables(schema_metadata("kit"))
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def fact(version: int, key: str = "k", kind: str = "kit.happened") -> Fact:
    return Fact(kind, key, version, {"n": version}, NOW)


async def tell(database: Database, *facts: Fact) -> None:
    async with database.session() as session:
        await SqlOutbox(session, TABLES).add(*facts)
        await session.commit()


def versions(events: Any) -> list[int]:
    return [event.aggregate_version for event in events]


async def test_events_come_in_pages_from_the_oldest_on(database: Database) -> None:
    feed = EventFeed(database, TABLES, "kit")
    assert await feed.read(after=0, limit=2) == await feed.read(after=0, limit=2, types=["kit.other"])
    await tell(database, *(fact(n) for n in range(5)))
    first = await feed.read(after=0, limit=2)
    second = await feed.read(after=first.upto, limit=2)
    third = await feed.read(after=second.upto, limit=2)
    assert [versions(page.events) for page in (first, second, third)] == [[0, 1], [2, 3], [4]]
    assert await feed.read(after=third.upto, limit=2) == type(third)([], third.upto)
    await tell(database, fact(5))
    assert versions((await feed.read(after=third.upto, limit=2)).events) == [5]
    assert first.events[0].source == "kit"


async def test_only_the_types_asked_for_come_and_the_others_are_not_read_again(database: Database) -> None:
    feed = EventFeed(database, TABLES, "kit")
    await tell(database, fact(0), fact(1, kind="kit.other"), fact(2), fact(3, kind="kit.other"), fact(4))
    page = await feed.read(after=0, limit=10, types=["kit.other", "kit.none"])
    assert versions(page.events) == [1, 3]
    assert versions((await feed.read(after=page.upto, limit=10)).events) == []


async def test_a_lower_number_that_commits_later_is_waited_for(database: Database) -> None:
    feed = EventFeed(database, TABLES, "kit", patience_seconds=60)
    async with database.session() as late:
        await SqlOutbox(late, TABLES).add(fact(0, "a"))
        await late.execute(text("SELECT 1"))  # facts are written with what follows
        await tell(database, fact(0, "b"))
        reading = asyncio.create_task(feed.read(after=0, limit=10))
        await asyncio.sleep(0.2)
        assert not reading.done()
        await late.commit()
    assert [event.partition_key for event in (await reading).events] == ["a", "b"]


async def test_a_writer_that_does_not_end_makes_the_feed_ask_for_patience(database: Database) -> None:
    feed = EventFeed(database, TABLES, "kit", patience_seconds=0.1)
    async with database.session() as endless:
        await SqlOutbox(endless, TABLES).add(fact(0, "a"))
        await endless.execute(text("SELECT 1"))  # facts are written with what follows
        await tell(database, fact(0, "b"))
        with pytest.raises(Busy):
            await feed.read(after=0, limit=10)
    assert versions((await feed.read(after=0, limit=10)).events) == [0]


async def test_writers_at_once_lose_nothing_and_keep_each_keys_order(database: Database) -> None:
    feed, keys, each = EventFeed(database, TABLES, "kit", patience_seconds=60), "abcdefgh", 25
    choose, seen, after = random.Random(5), list[Envelope](), 0

    async def write(key: str) -> None:
        for version in range(each):
            async with database.session() as session:
                await SqlOutbox(session, TABLES).add(fact(version, key))
                await asyncio.sleep(choose.uniform(0, 0.01))
                await session.commit()

    writing = asyncio.gather(*(write(key) for key in keys))
    async with asyncio.timeout(120):
        while len(seen) < len(keys) * each:
            page = await feed.read(after=after, limit=7)
            seen, after = [*seen, *page.events], page.upto
    await writing
    assert len({event.id for event in seen}) == len(seen) == len(keys) * each
    for key in keys:
        assert versions(event for event in seen if event.partition_key == key) == list(range(each))


@pytest.fixture
async def http(database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client of an application that has the route."""
    feed = EventFeed(database, TABLES, "kit", patience_seconds=0.1)

    async def ready() -> None: ...

    app = create_service_app(
        title="kit",
        prefix="/kit",
        routers=[feed_routes(feed, Cursors("a secret of the tests"), guard=[], responses={})],
        problems=ProblemTable(),
        ready=ready,
    )
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://kit") as client:
        yield client


async def ask(http: httpx2.AsyncClient, **query: Any) -> dict[str, Any]:
    answer = await http.get("/internal/v1/events", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_route_follows_its_own_cursor(database: Database, http: httpx2.AsyncClient) -> None:
    await tell(database, fact(0), fact(1, kind="kit.other"), fact(2))
    first = await ask(http, limit=2)
    second = await ask(http, limit=2, after=first["cursor"])
    last = await ask(http, limit=2, after=second["cursor"])
    assert [len(page["items"]) for page in (first, second, last)] == [2, 1, 0]
    assert last["cursor"] == second["cursor"]
    assert [item["type"] for item in (await ask(http, types="kit.other,kit.more"))["items"]] == ["kit.other"]
    assert first["items"][0] == {
        "type": "kit.happened",
        "source": "kit",
        "specversion": "1.0",
        "schema_version": 1,
        "subject": None,
        "partition_key": "k",
        "aggregate_version": 0,
        "time": "2026-11-21T12:00:00Z",
        "data": {"n": 0},
        "correlation_id": None,
        "causation_id": None,
        "traceparent": None,
        "id": first["items"][0]["id"],
    }


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": 501}, {"types": "Nonsense"}, {"after": "x"}])
async def test_the_route_refuses_what_it_cannot_read(http: httpx2.AsyncClient, wrong: dict[str, Any]) -> None:
    assert (await http.get("/internal/v1/events", params=wrong)).status_code == 422


async def test_the_route_says_when_to_come_back(database: Database, http: httpx2.AsyncClient) -> None:
    async with database.session() as endless:
        await SqlOutbox(endless, TABLES).add(fact(0, "a"))
        await endless.execute(text("SELECT 1"))  # facts are written with what follows
        await tell(database, fact(0, "b"))
        answer = await http.get("/internal/v1/events")
        await endless.execute(text("SELECT 1"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
