"""Events that could not be applied: kept with the reason, listed, and driven again when somebody asks (pitfall B40)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson
from sqlalchemy import Table, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from common_events.envelope import Envelope


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that a consumer gave up, and why: the kind of the error, not its text, which may quote the event."""

    consumer: str
    envelope: Envelope
    error: str
    attempts: int
    first_failed_at: datetime
    last_failed_at: datetime
    redriven_at: datetime | None = None

    @property
    def place(self) -> tuple[datetime, UUID, str]:
        """Where it stands among others: a place that failing again does not change."""
        return self.first_failed_at, self.envelope.id, self.consumer


class DeadLetters:
    """The dead letters of a schema. Every method raises what the database raises, and commits nothing."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def listed(
        self, session: AsyncSession, *, limit: int = 100, before: tuple[datetime, UUID, str] | None = None
    ) -> list[DeadLetter]:
        """Return the newest letters, or the newest of those before a place."""
        table = self._table
        place = tuple_(table.c.first_failed_at, table.c.event_id, table.c.consumer)
        query = select(table).order_by(*(column.desc() for column in place.clauses)).limit(limit)
        rows = await session.execute(query if before is None else query.where(place < before))
        return [
            DeadLetter(
                row.consumer,
                _envelope(row.envelope),
                row.error,
                row.attempts,
                row.first_failed_at,
                row.last_failed_at,
                row.redriven_at,
            )
            for row in rows
        ]

    async def ask_again(self, session: AsyncSession, consumer: str, event_id: UUID) -> bool:
        """Have the consumer apply a letter soon after the commit, out of its order. Tell whether there is one."""
        asked = await session.execute(
            update(self._table)
            .where(self._table.c.consumer == consumer, self._table.c.event_id == event_id)
            .values(redriven_at=func.now())
            .returning(self._table.c.event_id)
        )
        return asked.first() is not None

    async def asked_for(self, session: AsyncSession, consumer: str) -> list[Envelope]:
        """Return the events that were asked for again, oldest first."""
        table = self._table
        waiting = (table.c.consumer == consumer) & table.c.redriven_at.is_not(None)
        rows = await session.execute(select(table.c.envelope).where(waiting).order_by(table.c.first_failed_at))
        return [_envelope(document) for document in rows.scalars()]

    async def keep(
        self, session: AsyncSession, consumer: str, envelope: Envelope, error: Exception, attempts: int
    ) -> None:
        """Put an event aside, or note that it failed once more."""
        reason = type(error).__name__
        statement = insert(self._table).values(
            consumer=consumer,
            event_id=envelope.id,
            envelope=orjson.loads(envelope.to_json()),
            error=reason,
            attempts=attempts,
        )
        again = {
            "error": reason,
            "attempts": self._table.c.attempts + attempts,
            "last_failed_at": func.now(),
            "redriven_at": None,
        }
        await session.execute(statement.on_conflict_do_update(index_elements=["consumer", "event_id"], set_=again))

    async def drop(self, session: AsyncSession, consumer: str, event_id: UUID) -> None:
        """Remove a letter that has been applied after all."""
        table = self._table
        await session.execute(delete(table).where(table.c.consumer == consumer, table.c.event_id == event_id))


def _envelope(document: object) -> Envelope:
    return Envelope.of(orjson.dumps(document))
