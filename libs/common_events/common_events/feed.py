"""What a service has told, read from its outbox page by page: for whoever builds a read model anew (api.md)."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.exc import TimeoutError as Busy
from sqlalchemy.ext.asyncio import AsyncSession

from common_events.envelope import Envelope
from common_events.outbox import envelope_of
from common_events.tables import MessagingTables
from common_service.database import Database

_PATIENCE_SECONDS, _LOOK_SECONDS = 2.0, 0.02
_WRITERS = text(
    "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND relation = CAST(:outbox AS regclass)"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND mode = 'RowExclusiveLock' AND granted"
)


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Some events in the order of the outbox, and the place behind them: there is more as long as there are items."""

    events: Sequence[Envelope]
    upto: int


class EventFeed:
    """The events of a service that its outbox still keeps: 7 days after all have consumed them (`pruning`).

    Numbers are given before transactions commit, so a number may become visible after a higher one. A page is read only
    when every transaction that could hold a lower number has ended: none is passed by, and those of one partition key
    keep the order in which they were told. `patience_seconds` is how long a page waits for such transactions.
    """

    def __init__(
        self, database: Database, tables: MessagingTables, source: str, *, patience_seconds: float = _PATIENCE_SECONDS
    ) -> None:
        self._database, self._table, self._source = database, tables.outbox, source
        self._patience = patience_seconds

    async def read(self, *, after: int, limit: int, types: Sequence[str] = ()) -> FeedPage:
        """Return at most `limit` events behind `after` (0: from the oldest), of some types or of all.

        Raises sqlalchemy.exc.TimeoutError when a writer does not end in time: ask again later.
        """
        seq = self._table.c.seq
        wanted: list[ColumnElement[bool]] = [seq > after]
        if types:
            wanted.append(self._table.c.type.in_(types))
        async with self._database.reading() as session:
            upto = await self._end(session, wanted, limit) or after
            if upto == after:
                return FeedPage([], after)
            await self._settle(session)
            query = select(self._table).where(*wanted, seq <= upto).order_by(seq).limit(limit)
            rows = (await session.execute(query)).mappings().all()
        place = int(rows[-1]["seq"]) if len(rows) == limit else upto
        return FeedPage([envelope_of(dict(row), self._source) for row in rows], place)

    async def _end(self, session: AsyncSession, wanted: Sequence[ColumnElement[bool]], limit: int) -> int | None:
        """Return the number of the page's last event; of a page that is not full, the highest there is."""
        seq = self._table.c.seq
        last = select(seq).where(*wanted).order_by(seq).offset(limit - 1).limit(1)
        if (found := (await session.execute(last)).scalar()) is not None:
            return int(found)
        highest = (await session.execute(select(func.max(seq)).where(wanted[0]))).scalar()
        return None if highest is None else int(highest)

    async def _settle(self, session: AsyncSession) -> None:
        """Wait until whoever may have written to the outbox before now has ended: each holds a lock till then."""
        name = {"outbox": f"{self._table.schema}.{self._table.name}"}
        deadline = time.monotonic() + self._patience
        writers = set((await session.execute(_WRITERS, name)).scalars())
        while writers:
            if time.monotonic() > deadline:
                raise Busy("a transaction that writes events does not end")
            await asyncio.sleep(_LOOK_SECONDS)
            writers &= set((await session.execute(_WRITERS, name)).scalars())
