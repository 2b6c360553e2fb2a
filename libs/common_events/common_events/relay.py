"""Carries facts from a schema's outbox to the transport: one leader, by flag, in order (reliability.md, Outbox)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import structlog
from psycopg import sql
from psycopg.rows import dict_row

from common_events.envelope import Envelope
from common_events.outbox import channel
from common_events.transport import Publisher
from common_service.jobs import Job, pause

log = structlog.get_logger("relay")
_BATCH = 500
_POLL_SECONDS = 1.0
_ELECTION_SECONDS = 1.0


class Relay:
    """Reads `published_at IS NULL ORDER BY seq`, publishes, marks. A crash between the last two repeats events.

    The leader holds an advisory lock on a connection of its own, which is also the one that NOTIFY wakes.
    """

    def __init__(self, database_url: str, *, schema: str, source: str, publisher: Publisher) -> None:
        self._url, self._schema, self._source, self._publisher = database_url, schema, source, publisher
        table = sql.Identifier(schema, "outbox")
        self._read = sql.SQL("SELECT * FROM {} WHERE published_at IS NULL ORDER BY seq LIMIT %s").format(table)
        self._mark = sql.SQL("UPDATE {} SET published_at = clock_timestamp() WHERE seq = ANY(%s)").format(table)

    def job(self) -> Job:
        """Return the relay as a job of a worker."""
        return Job("relay", self.run)

    async def run(self, stop: asyncio.Event) -> None:
        """Lead, or wait to lead, until `stop`. Raises psycopg.Error when the connection breaks."""
        async with self._connection() as connection:
            while not stop.is_set() and not await self._elected(connection):
                await pause(stop, _ELECTION_SECONDS)
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel(self._schema))))
            while not stop.is_set():
                if await self.step(connection) < _BATCH:
                    await self._wait(connection, stop)

    async def step(self, connection: psycopg.AsyncConnection[dict[str, Any]]) -> int:
        """Publish one batch and return its size."""
        rows = await (await connection.execute(self._read, [_BATCH])).fetchall()
        if rows:
            await self._publisher.publish([self._envelope(row) for row in rows])
            await connection.execute(self._mark, [[row["seq"] for row in rows]])
        return len(rows)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[psycopg.AsyncConnection[dict[str, Any]]]:
        connection = await psycopg.AsyncConnection.connect(
            self._url,
            autocommit=True,
            row_factory=dict_row,
            connect_timeout=3,
            application_name=f"relay-{self._schema}",
        )
        async with connection:
            yield connection

    async def _elected(self, connection: psycopg.AsyncConnection[dict[str, Any]]) -> bool:
        cursor = await connection.execute(
            "SELECT pg_try_advisory_lock(hashtextextended(%s, 0)) AS leads", [f"relay:{self._schema}"]
        )
        row = await cursor.fetchone()
        return bool(row and row["leads"])

    async def _wait(self, connection: psycopg.AsyncConnection[dict[str, Any]], stop: asyncio.Event) -> None:
        if not stop.is_set():
            async for _ in connection.notifies(timeout=_POLL_SECONDS, stop_after=1):
                pass

    def _envelope(self, row: dict[str, Any]) -> Envelope:
        return Envelope(
            id=row["event_id"],
            type=row["type"],
            source=self._source,
            schema_version=row["schema_version"],
            subject=row["subject"],
            time=row["occurred_at"],
            partition_key=row["partition_key"],
            aggregate_version=row["aggregate_version"],
            correlation_id=row["correlation_id"],
            causation_id=row["causation_id"],
            traceparent=row["traceparent"],
            data=row["payload"],
        )
