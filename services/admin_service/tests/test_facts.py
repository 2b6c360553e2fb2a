"""The facts of the others in any order, more than once, over the consumer and over Redis: one picture."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis
from sqlalchemy import select

from admin_service.infrastructure.facts import SOURCES, archived, handlers
from admin_service.infrastructure.tables import MESSAGING, ArchiveRow, EntryRow, HourRow
from common_events.consumer import Consumer
from common_events.envelope import Envelope
from common_events.redis_streams import RedisPublisher, RedisSubscription
from common_events.transport import Delivery
from common_service.database import Database
from common_service.ids import uuid7
from common_service.testing import eventually
from sandbox.servers.redis import running_redis
from services.admin_service.tests.worlds import NOON, an_envelope

pytestmark = pytest.mark.anyio
ANN, BOB = uuid4(), uuid4()


def person(user_id: UUID, version: int, **values: Any) -> Envelope:
    kind = "user.registered" if version == 1 else "user.updated"
    data: dict[str, Any] = {
        "user_id": str(user_id),
        "email": f"v{version}@truecrime.test",
        "display_name": f"V{version}",
    }
    data |= {"status": "active", "version": version, "locale": "en", "changed": ["display_name"], **values}
    return an_envelope(kind, user_id, data, time=NOON + timedelta(minutes=version))


def access(user_id: UUID, version: int, state: str, plan: str | None = "pro") -> Envelope:
    data: dict[str, Any] = {"user_id": str(user_id), "version": version, "state": state, "entitled": state == "active"}
    data |= {
        "plan": {"code": plan, "rank": 1} if plan else None,
        "features": {},
        "cause_type": "webhook",
        "cause_id": "evt_1",
    }
    return an_envelope("access.changed", user_id, data, source="payment", time=NOON + timedelta(hours=version))


def usage(user_id: UUID, tokens: int, seq: int) -> Envelope:
    lines = [
        {"meter": meter, "reserved": 9000, "settled": n} for meter, n in (("tokens.month", tokens), ("stories.day", 1))
    ]
    data = {"generation_id": str(uuid4()), "reservation_id": str(uuid4()), "lines": lines, "ledger_seq": seq}
    return an_envelope("usage.settled", user_id, data, source="story", time=NOON + timedelta(minutes=seq))


FACTS = [
    *(person(ANN, 1), person(ANN, 2, display_name=None), person(ANN, 3), person(BOB, 1)),
    *(access(ANN, 1, "none"), access(ANN, 2, "active"), access(ANN, 3, "grace"), access(BOB, 1, "none", None)),
    *(usage(ANN, 700, 1), usage(ANN, 800, 2), usage(ANN, 900, 70), usage(BOB, 50, 1)),
    an_envelope("generation.closed", ANN, {"generation_id": str(uuid4()), "state": "succeeded"}, source="story"),
    an_envelope("subscription.created", ANN, {"subscription_id": "sub_1", "plan": "pro"}, source="payment"),
    an_envelope("payment.succeeded", ANN, {"invoice_id": "in_1", "amount": 999}, source="payment"),
]


class Deliveries:
    """A subscription that holds what it was given."""

    def __init__(self, facts: Sequence[Envelope]) -> None:
        self.left = [Delivery(fact, str(n)) for n, fact in enumerate(facts)]
        self.empty = asyncio.Event()

    async def receive(self, *, wait_seconds: float) -> Sequence[Delivery]:
        batch, self.left = self.left[:10], self.left[10:]
        if not batch:  # the consumer is done with all it had before it asks again
            self.empty.set()
            await asyncio.sleep(min(wait_seconds, 0.01))
        return batch

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """A receipt is no news here."""


async def consumed(database: Database, facts: Sequence[Envelope]) -> None:
    deliveries, stop = Deliveries(facts), asyncio.Event()
    running = asyncio.create_task(Consumer("admin", deliveries, handlers(), database, MESSAGING).run(stop))
    async with asyncio.timeout(60):
        await deliveries.empty.wait()
    stop.set()
    await running


async def picture(database: Database) -> dict[str, Any]:
    """Return all of the read model but the clock's marks."""
    async with database.session() as session:
        entries = {row.user_id: row.to_domain() for row in await session.scalars(select(EntryRow))}
        hours = {
            (row.user_id, row.hour, row.meter): (row.amount, row.generations)
            for row in await session.scalars(select(HourRow))
        }
        archive = {
            row.event_id: (row.type, row.subject, row.envelope) for row in await session.scalars(select(ArchiveRow))
        }
    return {"entries": entries, "hours": hours, "archive": archive}


async def letters(database: Database) -> list[Any]:
    async with database.session() as session:
        return list(await session.scalars(select(MESSAGING.dead_letters.c.event_id)))


async def test_the_facts_in_order_give_this_picture(database: Database) -> None:
    await consumed(database, FACTS)
    seen = await picture(database)
    ann, bob = seen["entries"][ANN], seen["entries"][BOB]
    assert (ann.email, ann.display_name, ann.user_version) == ("v3@truecrime.test", "V3", 3)
    assert (ann.plan_code, ann.access_state, ann.is_entitled, ann.access_version) == ("pro", "grace", False, 3)
    assert (ann.registered_at, ann.first_seen_at) == (NOON + timedelta(minutes=1), NOON + timedelta(minutes=1))
    assert (bob.access_state, bob.plan_code, bob.user_version) == ("none", None, 1)
    assert seen["hours"][ANN, NOON, "tokens.month"] == (1500, 2)
    assert seen["hours"][ANN, NOON + timedelta(hours=1), "tokens.month"] == (900, 1)
    assert seen["archive"].keys() == {fact.id for fact in FACTS}
    assert await letters(database) == []


@pytest.mark.parametrize("seed", range(5))
async def test_any_order_and_any_repetition_gives_the_same_picture(
    database: Database, request: pytest.FixtureRequest, seed: int
) -> None:
    await consumed(database, FACTS)
    expected = await picture(database)
    chance = random.Random(seed)
    facts = [*FACTS, *chance.choices(FACTS, k=len(FACTS))]
    chance.shuffle(facts)
    with request.getfixturevalue("template").clone() as url:
        other = Database(url, pool_size=5)
        await consumed(other, facts)
        assert await picture(other) == expected
        await other.close()


async def test_no_address_reaches_the_archive(database: Database) -> None:
    await consumed(database, FACTS)
    assert all("@" not in str(row) for row in (await picture(database))["archive"].values())
    kept = archived(FACTS[0]).envelope
    assert (kept["type"], kept["data"]["display_name"]) == ("user.registered", "V1")


async def test_what_a_fact_adds_tomorrow_is_no_trouble_and_what_is_unknown_is_passed_by(database: Database) -> None:
    more = replace(person(ANN, 1), data={**person(ANN, 1).data, "shoe_size": 44})
    await consumed(database, [more, an_envelope("story.weighed", ANN, {"grams": 1}, source="story")])
    seen = await picture(database)
    assert seen["entries"].keys() == {ANN}
    assert seen["archive"].keys() == {more.id}


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[Redis]:
    with running_redis(tmp_path / "redis") as server:
        client = Redis.from_url(server.url)
        yield client
        await client.aclose()


async def test_over_redis_the_streams_of_all_three_services_are_read(database: Database, redis: Redis) -> None:
    async def is_read() -> bool:
        return len((await picture(database))["archive"]) >= len(FACTS) + 1

    await RedisPublisher(redis).publish([*FACTS, *FACTS, replace(FACTS[0], id=uuid7())])
    stop = asyncio.Event()
    subscription = RedisSubscription(redis, "admin", SOURCES, "test")
    running = asyncio.create_task(Consumer("admin", subscription, handlers(), database, MESSAGING).run(stop))
    await eventually(is_read)
    stop.set()
    await running
    seen = await picture(database)
    assert seen["entries"][ANN].user_version == 3
    assert seen["hours"][ANN, NOON, "tokens.month"] == (1500, 2)
