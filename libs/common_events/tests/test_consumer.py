"""Each event applied once and in the order of its key, whatever fails in between; over the memory transport."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.contextvars import get_contextvars

from common_events.backlog import Backlog
from common_events.consumer import RETRY_PAUSES, Consumer
from common_events.dead_letters import DeadLetters
from common_events.envelope import Envelope
from common_events.handlers import Handling, Many, runs
from common_events.outbox import Fact, SqlOutbox
from common_events.tables import messaging_tables
from common_events.testing import MemoryBroker, MemoryPublisher, MemorySubscription
from common_events.transport import Delivery
from common_service.database import Database
from common_service.ids import uuid7
from common_service.jobs import supervise
from common_service.tables import schema_metadata

pytestmark = pytest.mark.anyio
TABLES = messaging_tables(schema_metadata("kit"))
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
LONG = 60  # only a test that fails waits so long
EFFECT = text("INSERT INTO kit.effects (event_id, what) VALUES (:id, :what)")


def event(n: int, key: str = "k", kind: str = "kit.happened") -> Envelope:
    return Envelope(uuid7(), kind, "kit", 1, None, NOW, key, n, "r1", None, TRACE, {})


class World:
    def __init__(self, database: Database) -> None:
        self.database, self.broker = database, MemoryBroker()
        self.publisher = MemoryPublisher(self.broker)
        self.fail: Callable[[Envelope], Awaitable[None] | None] = lambda _: None
        self.calls = 0

    def consumer(
        self,
        *,
        name: str = "c",
        pauses: Sequence[float] = (0.02, 0.05),
        handler: Handling | None = None,
        subscription: MemorySubscription | None = None,
        database: Database | None = None,
    ) -> Consumer:
        return Consumer(
            name,
            subscription or MemorySubscription(self.broker, name, ["kit"]),
            {"kit.happened": handler or self.handle},
            database or self.database,
            TABLES,
            pauses=pauses,
            poll_seconds=0.05,
        )

    async def handle(self, session: AsyncSession, envelope: Envelope) -> None:
        self.calls += 1
        await session.execute(
            EFFECT, {"id": envelope.id, "what": f"{envelope.partition_key}{envelope.aggregate_version}"}
        )
        if (waiting := self.fail(envelope)) is not None:
            await waiting

    async def effects(self) -> list[str]:
        async with self.database.session() as session:
            return list((await session.execute(text("SELECT what FROM kit.effects ORDER BY n"))).scalars())

    async def until(self, *effects: str, pending: int = 0) -> None:
        try:
            async with asyncio.timeout(LONG):
                while await self.effects() != list(effects) or self.pending() != pending:  # noqa: ASYNC110 - Postgres sets no event
                    await asyncio.sleep(0.02)
        except TimeoutError:
            assert (await self.effects(), self.pending()) == (list(effects), pending)

    def pending(self) -> int:
        return sum(len(group.pending) for group in self.broker.groups.values())


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@contextlib.asynccontextmanager
async def running(*consumers: Consumer) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(supervise(consumer.job(), stop)) for consumer in consumers]
    yield
    stop.set()
    await asyncio.wait_for(asyncio.gather(*tasks), LONG)


def poison(*names: str) -> Callable[[Envelope], None]:
    def fail(envelope: Envelope) -> None:
        if f"{envelope.partition_key}{envelope.aggregate_version}" in names:
            raise ValueError("poison")

    return fail


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
        while world.calls < 3:  # noqa: ASYNC110 - held back by now
            await asyncio.sleep(0.01)
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
        await _until_listed(world, 1)
        world.fail = poison()
        async with world.database.session() as session:
            assert await letters.ask_again(session, "c", dead.id)
            assert not await letters.ask_again(session, "c", uuid7())
            await session.commit()
        await world.until("a1")
        await _until_listed(world, 0)


async def _until_listed(world: World, count: int) -> None:
    async with asyncio.timeout(LONG), world.database.session() as session:
        while len(await DeadLetters(TABLES.dead_letters).listed(session)) != count:
            await asyncio.sleep(0.02)
            await session.rollback()


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
    await _until_listed(world, 0)


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


def many(world: World, calls: list[list[int]], *poisonous: int) -> Many:
    async def apply(session: AsyncSession, envelopes: Sequence[Envelope]) -> None:
        calls.append([envelope.aggregate_version for envelope in envelopes])
        for envelope in envelopes:
            await world.handle(session, envelope)
        if set(poisonous) & set(calls[-1]):
            raise ValueError("poison")

    return Many(apply)


async def test_a_handler_of_many_gets_what_came_together_once_and_in_order(world: World) -> None:
    calls: list[list[int]] = []
    sent = [event(n, "ab"[n % 2]) for n in range(6)]
    await world.publisher.publish([*sent[:3], sent[0], *sent[3:], event(9, kind="kit.unknown")])
    async with running(world.consumer(handler=many(world, calls))):
        await world.until("a0", "b1", "a2", "b3", "a4", "b5")
        await world.publisher.publish([sent[5], event(6, "a")])
        await world.until("a0", "b1", "a2", "b3", "a4", "b5", "a6")
    assert calls == [[0, 1, 2, 3, 4, 5], [6]]


async def test_poison_among_many_is_found_and_goes_aside_alone(world: World) -> None:
    calls: list[list[int]] = []
    await world.publisher.publish([event(n, "ab"[n % 2]) for n in range(6)])
    async with running(world.consumer(handler=many(world, calls, 1), pauses=(0.01,))):
        await _until_listed(world, 1)
        async with asyncio.timeout(LONG):
            while len(await world.effects()) < 5:  # noqa: ASYNC110 - Postgres sets no event
                await asyncio.sleep(0.02)
    effects = await world.effects()
    assert [[what for what in effects if what[0] == key] for key in "ab"] == [["a0", "a2", "a4"], ["b3", "b5"]]
    assert (calls[0], calls.count([1])) == ([0, 1, 2, 3, 4, 5], 2)
    async with world.database.session() as session:
        [letter] = await DeadLetters(TABLES.dead_letters).listed(session)
    assert (letter.envelope.aggregate_version, letter.attempts) == (1, 2)


def test_a_key_that_failed_waits_for_its_pause_and_others_do_not() -> None:
    backlog = Backlog((600.0, 0.0))
    first, second, other = (Delivery(event(n, key), str(n)) for n, key in ((1, "a"), (2, "a"), (3, "b")))
    assert backlog.failed(first) == 1
    assert (backlog.holds_back(second), backlog.holds_back(other)) == (True, False)
    assert (backlog.due(), backlog.seconds_to_next(), len(backlog)) == (None, 1.0, 2)
    assert backlog.failed(first) == 2
    assert backlog.due() == first
    backlog.settled(first)
    assert backlog.due() == second
    backlog.settled(second)
    assert (backlog.due(), len(backlog)) == (None, 0)


def test_the_pauses_are_those_of_the_design() -> None:
    assert RETRY_PAUSES[1:] == (1.0, 10.0, 60.0, 600.0, 3600.0)


def test_one_call_holds_neighbours_of_one_handler_of_many() -> None:
    async def one(_: AsyncSession, __: Envelope) -> None: ...

    async def several(_: AsyncSession, __: Sequence[Envelope]) -> None: ...

    together, apart = Many(several), Many(several)
    handlers: dict[str, Handling] = {"a": together, "b": together, "c": apart, "d": one}
    parts = [
        (handlers_of, "".join(envelope.type for envelope in envelopes))
        for handlers_of, envelopes in runs([event(n, kind=kind) for n, kind in enumerate("abccddab")], handlers)
    ]
    assert parts == [(together, "ab"), (apart, "cc"), (one, "d"), (one, "d"), (together, "ab")]
