"""Carries facts from a schema's outbox to the transport: one leader, by flag, in order (reliability.md, Outbox)."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import psycopg
import structlog
from prometheus_client import CollectorRegistry
from psycopg import sql
from psycopg.rows import dict_row

from common_events.lag import OutboxLag
from common_events.outbox import channel, envelope_of
from common_events.retention import Retention, unsending
from common_events.tracing import carrying
from common_events.transport import EventsLost, Publisher, Retaining, TransportFull
from common_service.jobs import Job, pause

log = structlog.get_logger("relay")
Connection: TypeAlias = psycopg.AsyncConnection[dict[str, Any]]
_BATCH = 500
_POLL_SECONDS = 1.0
_OPTIONS = "-c statement_timeout=30000 -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"


class Relay:
    """Reads `published_at IS NULL ORDER BY seq`, publishes, marks. A crash between the last two repeats events.

    The leader holds an advisory lock on a connection of its own, which is also the one that NOTIFY wakes. Relays with
    `partitions` > 1 share the outbox by partition key, each the leader of its `partition` (from 0). Give `registry` to
    tell the outbox's lag in metrics. Every `poll_seconds` it looks by itself: for facts whose NOTIFY was lost, for the
    leader's place, for room in a full transport, for what has been consumed.
    """

    def __init__(
        self,
        database_url: str,
        *,
        schema: str,
        source: str,
        publisher: Publisher,
        partition: int = 0,
        partitions: int = 1,
        registry: CollectorRegistry | None = None,
        poll_seconds: float = _POLL_SECONDS,
    ) -> None:
        self._url, self._schema, self._source, self._publisher = database_url, schema, source, publisher
        self._name, self._poll_seconds = f"{schema}:{partition}/{partitions}", poll_seconds
        table = sql.Identifier(schema, "outbox")
        mine = sql.SQL("mod(hashtextextended(partition_key, 0) & 1073741823, {}) = {}").format(partitions, partition)
        self._read = sql.SQL("SELECT * FROM {} WHERE published_at IS NULL AND {} ORDER BY seq LIMIT %s").format(
            table, mine
        )
        also = sql.SQL("" if isinstance(publisher, Retaining) else ", consumed_at = clock_timestamp()")
        self._mark = sql.SQL("UPDATE {} SET published_at = clock_timestamp(){} WHERE seq = ANY(%s)").format(table, also)
        self._lag = OutboxLag(schema, registry) if registry is not None and partition == 0 else None
        self._unsend, self._retention = unsending(schema, mine), None
        if isinstance(publisher, Retaining):
            self._retention = Retention(
                publisher, schema, source, self._name, mine, is_keeper=partition == 0, seconds=poll_seconds
            )

    def job(self) -> Job:
        """Return the relay as a job of a worker."""
        return Job(f"relay-{self._name}", self.run)

    async def run(self, stop: asyncio.Event) -> None:
        """Lead, or wait to lead, until `stop`. Raises psycopg.Error when the connection breaks."""
        async with self._connection() as connection:
            while not stop.is_set() and not await self._elected(connection):
                await pause(stop, self._poll_seconds)
            await self._take_over(connection)
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel(self._schema))))
            while not stop.is_set():
                await self._look_after(connection)
                started = time.monotonic()
                while not stop.is_set() and time.monotonic() - started < self._poll_seconds:
                    if await self._published(connection, stop) < _BATCH:
                        await self._wait(connection, stop)

    async def step(self, connection: Connection) -> int:
        """Publish one batch, at most 500 facts, and return its size.

        Raises EventsLost, TransportFull, psycopg.Error, and what the transport's client raises.
        """
        rows = await (await connection.execute(self._read, [_BATCH])).fetchall()
        if rows:
            envelopes = [envelope_of(row, self._source) for row in rows]
            with carrying(envelopes):
                await self._publisher.publish(envelopes)
                await connection.execute(self._mark, [[row["seq"] for row in rows]])
        return len(rows)

    async def _take_over(self, connection: Connection) -> None:
        """Send again what a transport that retains was given before us, and may never hand out now (ADR 27)."""
        if self._retention is None:
            unsent = await connection.execute(self._unsend)
            if unsent.rowcount:
                log.warning("the transport was changed", relay=self._name, sent_again=unsent.rowcount)

    async def _published(self, connection: Connection, stop: asyncio.Event) -> int:
        try:
            return await self.step(connection)
        except TransportFull:
            log.warning("the transport is full", relay=self._name)
            await pause(stop, self._poll_seconds)
        except EventsLost:
            await self._look_after(connection)
        return _BATCH

    async def _look_after(self, connection: Connection) -> None:
        if self._retention:
            await self._retention.look_after(connection)
        if self._lag:
            await self._lag.measure(connection)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        connection = await psycopg.AsyncConnection.connect(
            self._url,
            autocommit=True,
            row_factory=dict_row,
            connect_timeout=3,
            options=_OPTIONS,
            application_name=f"relay-{self._schema}",
        )
        async with connection:
            yield connection

    async def _elected(self, connection: Connection) -> bool:
        cursor = await connection.execute(
            "SELECT pg_try_advisory_lock(hashtextextended(%s, 0)) AS leads", [f"relay:{self._name}"]
        )
        row = await cursor.fetchone()
        return bool(row and row["leads"])

    async def _wait(self, connection: Connection, stop: asyncio.Event) -> None:
        if not stop.is_set():
            async for _ in connection.notifies(timeout=self._poll_seconds, stop_after=1):
                pass
