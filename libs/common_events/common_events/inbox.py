"""Which events a consumer has applied, written in the transaction of the effect (reliability.md, Outbox)."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Table, Text, Uuid, bindparam, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from common_events.envelope import Envelope


class Inbox:
    """The inbox of one consumer. Keep its rows longer than any producer keeps an event that could come again."""

    def __init__(self, consumer: str, table: Table) -> None:
        ids, types = bindparam("ids", type_=ARRAY(Uuid)), bindparam("types", type_=ARRAY(Text))
        rows = select(literal(consumer), func.unnest(ids), func.unnest(types))
        statement = insert(table).from_select(["consumer", "event_id", "type"], rows)
        self._add = statement.on_conflict_do_nothing().returning(table.c.event_id)  # built once: building costs more

    async def add(self, session: AsyncSession, envelopes: Sequence[Envelope]) -> set[UUID]:
        """Write the events, and return the ids of those that had not been there.

        Waits for another transaction that writes the same. Raises what the database raises.
        """
        values = {"ids": [envelope.id for envelope in envelopes], "types": [envelope.type for envelope in envelopes]}
        return set((await session.execute(self._add, values)).scalars())
