"""Keeps the messaging tables small: what all have consumed, and what nobody can send again, goes.

Inbox rows outlive the facts that could come again (pitfall B39: duplicates after a day).
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, Table, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from common_events.tables import MessagingTables
from common_service.clock import Clock, utc_now
from common_service.database import Database
from common_service.jobs import Job, periodic

OUTBOX_KEPT, INBOX_KEPT = timedelta(days=7), timedelta(days=30)
_AT_ONCE = 1000
_EVERY_SECONDS = 300.0


def pruning(database: Database, tables: MessagingTables, now: Clock = utc_now) -> Job:
    """Return the job that removes consumed facts after 7 days and inbox rows after 30.

    A consumer that was away for longer than 30 days would make others apply events again: replay it from the feed.
    """
    outbox, inbox = tables.outbox, tables.inbox

    async def prune() -> bool:
        async with database.session() as session:
            full = [
                await _prune(session, outbox, outbox.c.consumed_at < now() - OUTBOX_KEPT, [outbox.c.seq]),
                await _prune(session, inbox, inbox.c.processed_at < now() - INBOX_KEPT, []),
            ]
            await session.commit()
        return any(full)

    return periodic("events-pruning", prune, seconds=_EVERY_SECONDS)


async def _prune(
    session: AsyncSession, table: Table, old: ColumnElement[bool], order: Sequence[ColumnElement[int]]
) -> bool:
    """Delete at most 1,000 rows; tell whether there may be more."""
    key = list(table.primary_key.columns)[-1]
    chosen = select(key).where(old).order_by(*order).limit(_AT_ONCE)
    gone = await session.execute(delete(table).where(old, key.in_(chosen)).returning(key))
    return len(gone.all()) >= _AT_ONCE
