"""Loses no event when the transport loses all: what not every consumer is done with is found in the outbox.

docs/adr/0012-redis-may-be-lost.md says why.
"""

import time
from typing import Any

import psycopg
import structlog
from psycopg import sql

from common_events.transport import Retaining

log = structlog.get_logger("relay")


def unsending(schema: str, mine: sql.Composable) -> sql.Composed:
    """Return the statement by which what was published and not seen consumed waits to be published again."""
    outbox = sql.Identifier(schema, "outbox")
    unconsumed = sql.SQL("published_at IS NOT NULL AND consumed_at IS NULL")
    return sql.SQL("UPDATE {} SET published_at = NULL WHERE {} AND {}").format(outbox, unconsumed, mine)


class Retention:
    """Notes in the outbox which events all consumers have acknowledged, and sends the others again after a loss.

    A relay may publish only while the transport is intact. When it is not, unconsumed events become unpublished again
    in their order, the queues of all consumers known so far are made anew, and only then the transport is opened.
    Consumers meet some events twice; their inboxes know them.
    """

    def __init__(
        self,
        publisher: Retaining,
        schema: str,
        source: str,
        relay: str,
        mine: sql.Composable,
        *,
        is_keeper: bool,
        seconds: float,
    ) -> None:
        self._publisher, self._source, self._relay, self._is_keeper = publisher, source, relay, is_keeper
        self._seconds, self._next_keeping = seconds, 0.0
        outbox, consumers = sql.Identifier(schema, "outbox"), sql.Identifier(schema, "event_consumers")
        self._unsend = unsending(schema, mine)
        self._consume = sql.SQL(
            "UPDATE {} SET consumed_at = clock_timestamp() WHERE event_id = ANY(%s) AND consumed_at IS NULL"
        ).format(outbox)
        self._known = sql.SQL("SELECT name FROM {}").format(consumers)
        self._learn = sql.SQL("INSERT INTO {} (name) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING").format(
            consumers
        )

    async def look_after(self, connection: psycopg.AsyncConnection[dict[str, Any]]) -> None:
        """Open the transport where it is not the one we knew; every `seconds`, note what has been consumed.

        Raises psycopg.Error, and what the transport's client raises.
        """
        if not await self._publisher.is_intact(self._source, self._relay):
            await self._send_again(connection)
        if self._is_keeper and time.monotonic() >= self._next_keeping:
            self._next_keeping = time.monotonic() + self._seconds
            await self._keep(connection)

    async def _send_again(self, connection: psycopg.AsyncConnection[dict[str, Any]]) -> None:
        known = {row["name"] async for row in await connection.execute(self._known)}
        unsent = await connection.execute(self._unsend)
        log.warning("the transport is new", relay=self._relay, sent_again=unsent.rowcount)
        await self._publisher.open(self._source, self._relay, known)

    async def _keep(self, connection: psycopg.AsyncConnection[dict[str, Any]]) -> None:
        consumers = sorted(await self._publisher.consumers(self._source))
        await connection.execute(self._learn, [consumers])
        while (finished := await self._publisher.finished(self._source)).upto:
            await connection.execute(self._consume, [list(finished.event_ids)])
            await self._publisher.forget(self._source, finished)
