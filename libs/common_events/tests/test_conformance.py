"""A consumer over every transport: each event applied once and in the order of its key, whatever fails in between."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from common_events.conformance import LinedSubscription, Transport
from common_events.consumer import RETRY_PAUSES, Consumer
from common_events.dead_letters import DeadLetters
from common_events.envelope import Envelope
from common_events.outbox import Fact, SqlOutbox
from common_events.relay import Relay
from common_events.tables import messaging_tables
from common_events.transport import Delivery, Subscription
from common_service.database import Database
from common_service.ids import uuid7
from common_service.jobs import supervise
from common_service.tables import schema_metadata
from common_service.testing import eventually

pytestmark = pytest.mark.anyio
TABLES = messaging_tables(schema_metadata("kit"))
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
EFFECT = text("INSERT INTO kit.effects (event_id, what) VALUES (:id, :what)")


def event(n: int, key: str = "k") -> Envelope:
    return Envelope(uuid7(), "kit.happened", "kit", 1, None, NOW, key, n, None, None, None, {"n": n})


@dataclass(frozen=True, slots=True)
class Patience:
    """Every time that something waits before it looks or tries again, in seconds."""

    poll: float
    longest_pause: float
    pauses: Sequence[float]


PATIENT = Patience(1.0, 5.0, RETRY_PAUSES)
QUICK = Patience(0.05, 0.1, (0.01, 0.02))
MINUTE_IN_PAUSES = 60 / PATIENT.longest_pause
AWAY = float(os.environ.get("AWAY", "0"))


class World:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.calls = 0
        self.hurt: Callable[[str], Awaitable[object] | None] = lambda _: None

    @contextlib.asynccontextmanager
    async def consuming(self, subscription: Subscription, *pauses: float) -> AsyncIterator[None]:
        stop = asyncio.Event()
        task = asyncio.create_task(supervise(self.consumer(subscription, *pauses).job(), stop))
        yield
        stop.set()
        await asyncio.wait_for(task, 10)

    @contextlib.asynccontextmanager
    async def carrying(self, transport: Transport, database_url: str, patience: Patience) -> AsyncIterator[None]:
        """Run a relay and a consumer over a line that may be cut."""
        relay = Relay(
            database_url,
            schema="kit",
            source="kit",
            publisher=transport.lined_publisher(),
            poll_seconds=patience.poll,
        )
        consumer = Consumer(
            "a",
            transport.lined_subscription("a"),
            {"kit.happened": self.handle},
            self.database,
            TABLES,
            pauses=patience.pauses,
            poll_seconds=patience.poll,
        )
        stop = asyncio.Event()
        pause = patience.longest_pause
        tasks = [
            asyncio.create_task(supervise(job, stop, longest_pause=pause)) for job in (relay.job(), consumer.job())
        ]
        yield
        stop.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 60)

    async def tell(self, versions: Iterable[int], key: str = "k") -> None:
        async with self.database.session() as session:
            facts = [Fact("kit.happened", key, version, {"n": version}, NOW) for version in versions]
            await SqlOutbox(session, TABLES).add(*facts)
            await session.commit()

    def consumer(self, subscription: Subscription, *pauses: float) -> Consumer:
        return Consumer("a", subscription, {"kit.happened": self.handle}, self.database, TABLES, pauses=pauses)

    async def handle(self, session: AsyncSession, envelope: Envelope) -> None:
        self.calls += 1
        what = f"{envelope.partition_key}{envelope.aggregate_version}"
        await session.execute(EFFECT, {"id": envelope.id, "what": what})
        if (waiting := self.hurt(what)) is not None:
            await waiting

    async def effects(self) -> list[str]:
        async with self.database.session() as session:
            return list((await session.execute(text("SELECT what FROM kit.effects ORDER BY n"))).scalars())

    async def until(self, count: int) -> list[str]:
        async def are_there() -> bool:
            return len(await self.effects()) >= count

        with contextlib.suppress(TimeoutError):
            await eventually(are_there)
        return await self.effects()


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def of_key(key: str, effects: Sequence[str]) -> list[str]:
    return [effect for effect in effects if effect.startswith(key)]


async def test_a_duplicate_is_applied_once(transport: Transport, world: World) -> None:
    publisher, once = transport.publisher(), event(1)
    await publisher.publish([once, once, event(2)])
    async with world.consuming(transport.subscription("a")):
        assert await world.until(2) == ["k1", "k2"]
        await publisher.publish([once, event(3)])
        assert await world.until(3) == ["k1", "k2", "k3"]
    assert world.calls == 3


async def test_each_key_keeps_its_order_while_others_overtake_it(transport: Transport, world: World) -> None:
    failures = dict.fromkeys(["a2", "c0", "c3"], 2)

    def fail(what: str) -> None:
        if failures.get(what):
            failures[what] -= 1
            raise ValueError("not yet")

    world.hurt = fail
    await transport.publisher().publish([event(n, key) for n in range(5) for key in "abc"])
    async with world.consuming(transport.subscription("a"), 0.05, 0.05):
        effects = await world.until(15)
    assert [of_key(key, effects) for key in "abc"] == [[f"{key}{n}" for n in range(5)] for key in "abc"]
    assert len(effects) == 15


async def test_poison_stops_only_its_key_and_then_goes_aside(transport: Transport, world: World) -> None:
    def fail(what: str) -> None:
        if what == "a1":
            raise ValueError("poison")

    world.hurt = fail
    await transport.publisher().publish([event(n, key) for n in range(3) for key in "ab"])
    async with world.consuming(transport.subscription("a"), 0.05, 0.05):
        effects = await world.until(5)
    assert (of_key("a", effects), of_key("b", effects)) == (["a0", "a2"], ["b0", "b1", "b2"])
    async with world.database.session() as session:
        [letter] = await DeadLetters(TABLES.dead_letters).listed(session)
    assert (letter.envelope.partition_key, letter.envelope.aggregate_version, letter.attempts) == ("a", 1, 3)


async def test_a_crash_between_effect_and_acknowledgement_repeats_no_effect(transport: Transport, world: World) -> None:
    class Dying(LinedSubscription):
        async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
            raise ConnectionError(len(deliveries))

    await transport.publisher().publish([event(n) for n in range(5)])
    inner = transport.subscription("a")
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(world.consumer(Dying(inner, transport.line)).run(asyncio.Event()), 10)
    await transport.die(inner)
    done = len(await world.effects())
    assert done > 0
    await transport.publisher().publish([event(5)])
    async with world.consuming(transport.subscription("a")):
        assert await world.until(6) == [f"k{n}" for n in range(6)]
    assert world.calls == 6


async def test_a_slow_handler_is_left_to_finish(transport: Transport, world: World) -> None:
    world.hurt = lambda what: asyncio.sleep(2.5) if what == "k0" else None  # longer than SQS hides a message here
    await transport.publisher().publish([event(n) for n in range(3)])
    async with world.consuming(transport.subscription("a")):
        assert await world.until(3) == ["k0", "k1", "k2"]
    assert world.calls == 3


async def test_a_broker_that_restarts_loses_nothing(transport: Transport, world: World, database_url: str) -> None:
    async with world.carrying(transport, database_url, QUICK):
        await world.tell(range(3))
        assert await world.until(3) == ["k0", "k1", "k2"]
        restarts = iter([transport.restart])

        def restart(what: str) -> Awaitable[object] | None:
            return next(restarts)() if what == "k4" else None

        world.hurt = restart  # between effect and acknowledgement
        await world.tell(range(3, 6))
        await world.until(6)
        world.hurt = lambda _: None
        await world.tell(range(6, 9))
        await transport.restart()
        await world.until(9)
    assert await world.effects() == [f"k{n}" for n in range(9)]


async def test_a_broker_that_is_away_for_a_minute_loses_nothing(
    transport: Transport, world: World, database_url: str
) -> None:
    """AWAY=60 runs the minute itself, with the patience of production."""
    patience = PATIENT if AWAY else QUICK

    def cut(what: str) -> None:
        transport.line.is_cut = transport.line.is_cut or what == "a1"

    async with world.carrying(transport, database_url, patience):
        await world.tell(range(3), "a")
        world.hurt = cut
        await world.until(2)
        world.hurt = lambda _: None
        assert transport.line.is_cut
        await world.tell(range(3), "b")
        away_until = time.monotonic() + (AWAY or MINUTE_IN_PAUSES * patience.longest_pause)
        for n in range(3, 9):
            await asyncio.sleep((away_until - time.monotonic()) / (9 - n))
            await world.tell([n], "a")
        transport.line.is_cut = False
        effects = await world.until(12)
    assert [of_key(key, effects) for key in "ab"] == [[f"a{n}" for n in range(9)], [f"b{n}" for n in range(3)]]
    assert len(effects) == 12
