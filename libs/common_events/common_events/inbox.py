"""Which events a consumer has applied, written in the transaction of the effect."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Table, Text, Uuid, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from common_events.envelope import Envelope


class Inbox:
    """The inbox of one consumer. Keep its rows longer than any producer keeps an event that could come again."""

    def __init__(self, consumer: str, table: Table) -> None:
        self._consumer, self._table = consumer, table

    async def add(self, session: AsyncSession, envelopes: Sequence[Envelope]) -> set[UUID]:
        """Write the events, and return those that had not been there; waits for another transaction with the same."""
        ids = literal([envelope.id for envelope in envelopes], ARRAY(Uuid))
        types = literal([envelope.type for envelope in envelopes], ARRAY(Text))
        rows = select(literal(self._consumer), func.unnest(ids), func.unnest(types))
        statement = insert(self._table).from_select(["consumer", "event_id", "type"], rows)
        added = await session.execute(statement.on_conflict_do_nothing().returning(self._table.c.event_id))
        return set(added.scalars())
