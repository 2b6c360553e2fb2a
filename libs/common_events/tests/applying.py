"""A consumer that writes what it applies, over the memory transport."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from common_events.consumer import Consumer
from common_events.dead_letters import DeadLetters
from common_events.envelope import Envelope
from common_events.handlers import Handling
from common_events.tables import messaging_tables
from common_events.testing import MemoryBroker, MemoryPublisher, MemorySubscription
from common_service.database import Database
from common_service.ids import uuid7
from common_service.jobs import supervise
from common_service.tables import schema_metadata
from common_service.testing import eventually

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
        async def is_so() -> bool:
            return await self.effects() == list(effects) and self.pending() == pending

        try:
            await eventually(is_so)
        except TimeoutError:
            assert (await self.effects(), self.pending()) == (list(effects), pending)

    def pending(self) -> int:
        return sum(len(group.pending) for group in self.broker.groups.values())


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


async def until_listed(world: World, count: int) -> None:
    async with asyncio.timeout(LONG), world.database.session() as session:
        while len(await DeadLetters(TABLES.dead_letters).listed(session)) != count:
            await asyncio.sleep(0.02)
            await session.rollback()
