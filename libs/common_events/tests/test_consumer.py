"""Each event applied once and in the order of its key, whatever fails in between; over the memory transport."""

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.contextvars import get_contextvars

from common_events.dead_letters import DeadLetters
from common_events.envelope import Envelope
from common_events.outbox import Fact, SqlOutbox
from common_events.testing import MemorySubscription
from common_service.database import Database
from common_service.ids import uuid7
from common_service.testing import eventually
from libs.common_events.tests.applying import (
    LONG,
    NOW,
    TABLES,
    TRACE,
    World,
    event,
    poison,
    running,
    until_listed,
)

pytestmark = pytest.mark.anyio


async def test_events_are_applied_in_order_and_acknowledged(world: World) -> None:
    await world.publisher.publish([event(n) for n in range(120)])
    async with running(world.consumer()):
        await world.until(*(f"k{n}" for n in range(120)))


async def test_an_event_that_comes_twice_is_applied_once(world: World) -> None:
    once = event(1)
    await world.publisher.publish([once, once, event(2)])
    async with running(world.consumer()):
        await world.until("k1", "k2")
        await world.publisher.publish([once, event(3)])
        await world.until("k1", "k2", "k3")
    assert world.calls == 3


async def test_unknown_types_pass_by(world: World) -> None:
    await world.publisher.publish([event(1, kind="other.thing"), event(2)])
    async with running(world.consumer()):
        await world.until("k2")


async def test_two_consumers_apply_the_same_event_each(world: World) -> None:
    await world.publisher.publish([event(1)])
    async with running(world.consumer(name="a"), world.consumer(name="b")):
        await world.until("k1", "k1")


async def test_a_poison_event_stops_only_its_key_and_then_goes_aside(world: World) -> None:
    looked, attempts = asyncio.Event(), iter(range(10))

    async def fail(envelope: Envelope) -> None:
        if (envelope.partition_key, envelope.aggregate_version) == ("a", 2):
            if next(attempts) == 3:  # with the batch, and then alone for the third time
                await looked.wait()
            raise ValueError("poison")

    world.fail = fail
    await world.publisher.publish([event(n, key) for n in (1, 2, 3) for key in ("a", "b")])
    async with running(world.consumer()):
        await world.until("a1", "b1", "b2", "b3", pending=2)
        looked.set()
        await world.until("a1", "b1", "b2", "b3", "a3")
    async with world.database.session() as session:
        [letter] = await DeadLetters(TABLES.dead_letters).listed(session)
    assert (letter.consumer, letter.error, letter.attempts) == ("c", "ValueError", 3)
    assert (letter.envelope.aggregate_version, letter.envelope.partition_key) == (2, "a")


async def test_events_that_come_while_their_key_is_held_back_wait_in_their_order(world: World) -> None:
    world.fail = poison("a1")
    await world.publisher.publish([event(1, "a")])
    async with running(world.consumer(pauses=[0.01] * 10_000)):
        await eventually(lambda: world.calls >= 3)  # held back by now
        await world.publisher.publish([event(2, "a"), event(1, "b"), event(3, "a")])
        await world.until("b1", pending=3)
        world.fail = poison()
        await world.until("b1", "a1", "a2", "a3")


async def test_a_dead_letter_can_be_asked_for_again(world: World) -> None:
    world.fail = poison("a1")
    dead = event(1, "a")
    await world.publisher.publish([dead])
    letters = DeadLetters(TABLES.dead_letters)
    async with running(world.consumer(pauses=(0.01,))):
        await until_listed(world, 1)
        world.fail = poison()
        async with world.database.session() as session:
            assert await letters.ask_again(session, "c", dead.id)
            assert not await letters.ask_again(session, "c", uuid7())
            await session.commit()
        await world.until("a1")
        await until_listed(world, 0)


async def test_a_crash_between_effect_and_acknowledgement_applies_nothing_twice(world: World) -> None:
    class Dying(MemorySubscription):
        async def acknowledge(self, deliveries: Any) -> None:
            raise ConnectionError(len(deliveries))

    await world.publisher.publish([event(n) for n in range(5)])
    dying = world.consumer(subscription=Dying(world.broker, "c", ["kit"]))
    with pytest.raises(ConnectionError):
        await dying.run(asyncio.Event())
    assert (len(await world.effects()), world.pending()) == (5, 5)
    async with running(world.consumer()):
        await world.until(*(f"k{n}" for n in range(5)))
    assert world.calls == 5


async def test_a_failing_transport_makes_the_consumer_begin_again_with_the_unfinished(world: World) -> None:
    class Flaky(MemorySubscription):
        left = 2

        async def acknowledge(self, deliveries: Any) -> None:
            if Flaky.left:
                Flaky.left -= 1
                raise ConnectionError
            await super().acknowledge(deliveries)

    await world.publisher.publish([event(n) for n in range(5)])
    async with running(world.consumer(subscription=Flaky(world.broker, "c", ["kit"]))):
        await world.until(*(f"k{n}" for n in range(5)))


async def test_only_one_process_consumes_under_a_name_and_another_takes_over(world: World) -> None:
    stop = asyncio.Event()
    first = asyncio.create_task(world.consumer().run(stop))
    await world.publisher.publish([event(1)])
    await world.until("k1")

    async def never(_: AsyncSession, __: Envelope) -> None:
        raise AssertionError

    second = world.consumer(handler=never)
    idle_stop = asyncio.Event()
    idle = asyncio.create_task(second.run(idle_stop))
    await world.publisher.publish([event(2)])
    await world.until("k1", "k2")
    idle_stop.set()
    await idle
    async with running(world.consumer()):
        stop.set()
        await first
        await world.publisher.publish([event(3)])
        await world.until("k1", "k2", "k3")


async def test_a_database_that_goes_away_costs_no_event_its_attempts(world: World, database_url: str) -> None:
    database = Database(f"{database_url}?application_name=cut")
    cut = iter([True] * 3)

    def fail(_: Envelope) -> Awaitable[None] | None:
        return _cut(world) if next(cut, False) else None

    world.fail = fail
    await world.publisher.publish([event(1), event(2)])
    async with running(world.consumer(pauses=(), database=database)):  # one failure would be the last
        await world.until("k1", "k2")
    await database.close()
    assert next(cut, None) is None
    await until_listed(world, 0)


async def _cut(world: World) -> None:
    """Cut the consumer's connections, and none of those by which the test looks on."""
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    async with world.database.session() as session:
        await session.execute(text(f"{cut} AND application_name = 'cut'"))


async def test_what_a_handler_writes_knows_its_cause_and_its_trace(world: World) -> None:
    seen: list[dict[str, Any]] = []
    handled = asyncio.Event()

    async def handle(session: AsyncSession, _: Envelope) -> None:
        seen.append(get_contextvars())
        await SqlOutbox(session, TABLES).add(Fact("kit.caused", "k", 1, {}, NOW))
        handled.set()

    cause = event(1)
    await world.publisher.publish([cause])
    async with running(world.consumer(handler=handle)):
        await asyncio.wait_for(handled.wait(), LONG)
    async with world.database.session() as session:
        row = (await session.execute(TABLES.outbox.select())).one()
    assert (row.causation_id, row.correlation_id, row.traceparent) == (cause.id, "r1", TRACE)
    assert seen[0]["event_id"] == str(cause.id)


async def test_a_slow_handler_does_not_keep_a_worker_from_stopping_and_loses_nothing(world: World) -> None:
    handling = asyncio.Event()

    async def linger(_: Envelope) -> None:
        handling.set()
        await asyncio.sleep(LONG)

    world.fail = linger
    await world.publisher.publish([event(n, f"k{n}") for n in range(3)])
    stop = asyncio.Event()
    slow = asyncio.create_task(world.consumer().run(stop))
    await asyncio.wait_for(handling.wait(), LONG)
    slow.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await slow
    world.fail = poison()
    async with running(world.consumer()):
        await world.until("k00", "k11", "k22")
