"""Applies events once: the inbox row and the effect are one transaction, the acknowledgement comes after."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from uuid import UUID

import orjson
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.contextvars import bound_contextvars

from common_events.envelope import Envelope
from common_events.tables import MessagingTables
from common_events.transport import Delivery, Subscription
from common_service.database import Database
from common_service.jobs import Job, pause

log = structlog.get_logger("consumer")
Handler = Callable[[AsyncSession, Envelope], Awaitable[None]]
_WAIT_SECONDS = 1.0
_PAUSES = (0.1, 0.5, 2.0, 5.0)  # between attempts at one event, in seconds


class Consumer:
    """Hands each event of the types it knows to its handler, in a transaction that also holds the inbox row.

    An event that fails `len(_PAUSES) + 1` times becomes a dead letter, kept with its reason, and its queue goes on.
    """

    def __init__(
        self,
        name: str,
        subscription: Subscription,
        handlers: Mapping[str, Handler],
        database: Database,
        tables: MessagingTables,
    ) -> None:
        self._name, self._subscription, self._handlers = name, subscription, handlers
        self._database, self._tables = database, tables

    def job(self) -> Job:
        """Return the consumer as a job of a worker."""
        return Job(f"consumer-{self._name}", self.run)

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop`."""
        while not stop.is_set():
            deliveries = await self._subscription.receive(wait_seconds=_WAIT_SECONDS)
            for delivery in deliveries:
                if stop.is_set():
                    return
                await self._consume(delivery, stop)

    async def _consume(self, delivery: Delivery, stop: asyncio.Event) -> None:
        envelope = delivery.envelope
        with bound_contextvars(request_id=envelope.correlation_id, event_id=str(envelope.id)):
            handler = self._handlers.get(envelope.type)
            if handler is not None and not await self._attempts(handler, envelope, stop):
                return
            await self._subscription.acknowledge([delivery])

    async def _attempts(self, handler: Handler, envelope: Envelope, stop: asyncio.Event) -> bool:
        """Return whether the event is done with: applied, or put aside as a dead letter."""
        for seconds in (*_PAUSES, None):
            try:
                await self.apply(handler, envelope)
            except Exception as error:  # a supervising loop: a poison event must not stop the queue
                log.exception("event failed", consumer=self._name, type=envelope.type)
                if seconds is None:
                    await self._bury(envelope, error)
                    return True
                await pause(stop, seconds)
                if stop.is_set():
                    return False
            else:
                return True
        return True

    async def apply(self, handler: Handler, envelope: Envelope) -> None:
        """Apply one event unless it was applied before."""
        async with self._database.session() as session:
            if await self._is_new(session, envelope.id, envelope.type):
                await handler(session, envelope)
                await session.commit()

    async def _is_new(self, session: AsyncSession, event_id: UUID, kind: str) -> bool:
        inbox = self._tables.inbox
        statement = insert(inbox).values(consumer=self._name, event_id=event_id, type=kind)
        inserted = await session.execute(statement.on_conflict_do_nothing().returning(inbox.c.event_id))
        return inserted.first() is not None

    async def _bury(self, envelope: Envelope, error: Exception) -> None:
        letters = self._tables.dead_letters
        reason = f"{type(error).__name__}"
        values = {
            "consumer": self._name,
            "event_id": envelope.id,
            "envelope": _plain(envelope),
            "error": reason,
            "attempts": len(_PAUSES) + 1,
        }
        again = {
            "error": reason,
            "attempts": letters.c.attempts + len(_PAUSES) + 1,
            "last_failed_at": datetime.now(UTC),
        }
        async with self._database.session() as session:
            statement = insert(letters).values(**values)
            await session.execute(statement.on_conflict_do_update(index_elements=["consumer", "event_id"], set_=again))
            await session.commit()


def _plain(envelope: Envelope) -> dict[str, object]:
    document: dict[str, object] = orjson.loads(envelope.to_json())
    return document
