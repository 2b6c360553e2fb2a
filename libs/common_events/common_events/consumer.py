"""Applies events once: the inbox row and the effect are one transaction, the acknowledgement comes after."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import structlog
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from common_events.backlog import Backlog
from common_events.dead_letters import DeadLetters
from common_events.effects import follow_up
from common_events.envelope import Envelope
from common_events.handlers import AfterCommit, Handling, Many, runs
from common_events.inbox import Inbox
from common_events.tables import MessagingTables
from common_events.tracing import handling, handling_many
from common_events.transport import Delivery, Resumable, Subscription
from common_service.database import Database
from common_service.jobs import Job, pause

log = structlog.get_logger("consumer")
RETRY_PAUSES = (0.2, 1.0, 10.0, 60.0, 600.0, 3600.0)
"""Seconds between attempts at one event (events-and-states.md 8, with a quick one before)."""
_POLL_SECONDS = 1.0
_MOST_HELD_BACK = 1000
_NOT_THE_EVENT = ("08", "53", "57P")  # the connection, the server's resources, its shutting down


class Consumer:
    """Hands each event of the types it knows to its handler, in a transaction that also holds the inbox row.

    One process at a time consumes under a name, so that events of a partition key are applied in order. An event that
    fails is tried again after `pauses`, while only events of its own key wait; then it becomes a dead letter, kept with
    its reason, and its key goes on. Every `poll_seconds` it looks whether it is to stop, whether the name is still its
    own or free, and whether somebody asked for a dead letter again.
    """

    def __init__(
        self,
        name: str,
        subscription: Subscription,
        handlers: Mapping[str, Handling],
        database: Database,
        tables: MessagingTables,
        *,
        pauses: Sequence[float] = RETRY_PAUSES,
        poll_seconds: float = _POLL_SECONDS,
    ) -> None:
        self._name, self._subscription, self._handlers = name, subscription, handlers
        self._database, self._pauses, self._poll_seconds = database, pauses, poll_seconds
        self._inbox = Inbox(name, tables.inbox)
        self._letters = DeadLetters(tables.dead_letters)

    def job(self) -> Job:
        """Return the consumer as a job of a worker."""
        return Job(f"consumer-{self._name}", self.run)

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop`, once no other process does. Raises what the transport and the database raise.

        Run it as a supervised job: it begins again with what it had unfinished.
        """
        async with self._turn(stop) as connection:
            if isinstance(self._subscription, Resumable):
                self._subscription.resume()
            backlog, looked_at = Backlog(self._pauses), 0.0
            while not stop.is_set():
                if time.monotonic() - looked_at > self._poll_seconds:
                    await connection.execute(text("SELECT 1"))  # the name is ours as long as this connection lives
                    await self._redrive()
                    looked_at = time.monotonic()
                if len(backlog) < _MOST_HELD_BACK:
                    wait = min(self._poll_seconds, backlog.seconds_to_next())
                    await self._consume(await self._subscription.receive(wait_seconds=wait), backlog, stop)
                else:
                    await pause(stop, backlog.seconds_to_next())
                await self._try_again(backlog, stop)

    async def apply(self, handler: Handling, envelope: Envelope) -> None:
        """Apply one event unless it was applied before. Raises what the handler and the database raise."""
        async with self._database.session() as session:
            if await self._inbox.add(session, [envelope]):
                await self._hand_over(session, handler, [envelope])
                await session.commit()
        await follow_up(self._name, [envelope], self._handlers)

    async def _consume(self, deliveries: Sequence[Delivery], backlog: Backlog, stop: asyncio.Event) -> None:
        """Apply a batch in one transaction; where that fails, event by event."""
        ready = [delivery for delivery in deliveries if not backlog.holds_back(delivery)]
        if not ready or stop.is_set():
            return
        try:
            await self._apply_all([delivery.envelope for delivery in ready])
        except Exception as error:  # a supervising loop: found out below whose fault it is
            if _is_not_the_events_fault(error):
                raise
            for delivery in ready:
                if not backlog.holds_back(delivery):
                    await self._attempt(delivery, backlog)
        else:
            await self._subscription.acknowledge(ready)

    async def _apply_all(self, envelopes: Sequence[Envelope]) -> None:
        known = [envelope for envelope in envelopes if envelope.type in self._handlers]
        if not known:
            return
        async with self._database.session() as session:
            new = await self._inbox.add(session, known)
            once = {envelope.id: envelope for envelope in known if envelope.id in new}  # a batch may hold one twice
            for handler, together in runs(once.values(), self._handlers):
                await self._hand_over(session, handler, together)
                session.expunge_all()  # each handler sees what is stored, not what an earlier one had loaded
            await session.commit()
        await follow_up(self._name, known, self._handlers)

    async def _hand_over(self, session: AsyncSession, handler: Handling, envelopes: Sequence[Envelope]) -> None:
        if isinstance(handler, Many):
            with handling_many(self._name, envelopes):
                await handler.apply(session, envelopes)
                await _flush(session)
            return
        apply = handler.apply if isinstance(handler, AfterCommit) else handler
        if apply is None:
            return
        for envelope in envelopes:
            with handling(self._name, envelope):
                await apply(session, envelope)
                await _flush(session)

    async def _attempt(self, delivery: Delivery, backlog: Backlog) -> None:
        """Apply one event, and settle what becomes of it."""
        envelope = delivery.envelope
        handler = self._handlers.get(envelope.type)
        try:
            if handler is not None:
                await self.apply(handler, envelope)
        except Exception as error:  # a supervising loop: a poison event must not stop the queue
            if _is_not_the_events_fault(error):
                raise
            log.exception("event failed", consumer=self._name, type=envelope.type, event_id=str(envelope.id))
            attempts = backlog.failed(delivery)
            if attempts <= len(self._pauses):
                return
            await self._bury(envelope, error, attempts)
        await self._subscription.acknowledge([delivery])
        backlog.settled(delivery)

    async def _try_again(self, backlog: Backlog, stop: asyncio.Event) -> None:
        while not stop.is_set() and (delivery := backlog.due()) is not None:
            await self._attempt(delivery, backlog)

    async def _bury(self, envelope: Envelope, error: Exception, attempts: int) -> None:
        async with self._database.session() as session:
            await self._letters.keep(session, self._name, envelope, error, attempts)
            await session.commit()

    async def _redrive(self) -> None:
        """Apply the dead letters that somebody asked for again."""
        async with self._database.reading() as session:
            asked = await self._letters.asked_for(session, self._name)
        for envelope in asked:
            try:
                await self.apply(self._handlers[envelope.type], envelope)
            except Exception as error:  # a supervising loop: it stays a dead letter
                log.exception("dead letter failed again", consumer=self._name, type=envelope.type)
                await self._bury(envelope, error, 1)
            else:
                async with self._database.session() as session:
                    await self._letters.drop(session, self._name, envelope.id)
                    await session.commit()

    @asynccontextmanager
    async def _turn(self, stop: asyncio.Event) -> AsyncIterator[AsyncConnection]:
        """Wait until no other process consumes under this name; hold the name while the connection lives."""
        take = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
        async with self._database.engine.connect() as plain:
            connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
            try:
                while not stop.is_set():
                    if (await connection.execute(take, {"name": f"consumer:{self._name}"})).scalar_one():
                        break
                    await pause(stop, self._poll_seconds)
                yield connection
            finally:
                if isinstance(self._subscription, Resumable):
                    self._subscription.resume()  # who is next shall not wait for what is held here
                await connection.invalidate()  # closing it for good is what frees the name


async def _flush(session: AsyncSession) -> None:
    if session.new or session.dirty or session.deleted:
        await session.flush()


def _is_not_the_events_fault(error: Exception) -> bool:
    """Tell whether the database was away: then no event is to blame, and none is counted as failed."""
    if isinstance(error, PoolTimeout):
        return True
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    return isinstance(error, OperationalError) and (state is None or state.startswith(_NOT_THE_EVENT))
