"""Where webhooks become durable: whatever waits while a commit is under way goes into the next one together.

One statement stores the new events and asks for their syncs. It touches no row that stood there before but those of
the syncs, in the order of their names, so it never waits in a circle with a sync, which takes its own row first. That
order is the one of their bytes, by which Python sorts too, whatever the locale of the database.
Redeliveries are counted afterwards.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.exc import DataError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common_service.database import Database
from payment_service.application.sync_ports import ReceivedEvent
from payment_service.domain.errors import EventMalformed
from payment_service.infrastructure.base import PROVIDER

_MOST_AT_ONCE = 64
_PUT = """
WITH given AS (
  SELECT * FROM unnest(%(id)s::text[], %(type)s::text[], %(api_version)s::text[], %(livemode)s::boolean[],
    %(object_id)s::text[], %(sync_key)s::text[], %(lookup)s::text[], %(created_at)s::timestamptz[],
    %(payload)s::jsonb[], %(sha256)s::bytea[], %(state)s::text[], %(reason)s::text[], %(now)s::timestamptz[])
    AS row (id, type, api_version, livemode, object_id, sync_key, lookup, created_at, payload, sha256, state, reason,
      received_at)),
fresh AS (
  INSERT INTO payment.webhook_inbox (provider, event_id, type, api_version, livemode, object_id,
    provider_customer_id, provider_created_at, payload, payload_sha256, state, reason, received_at)
  SELECT %(provider)s, id, type, api_version, livemode, object_id, sync_key, created_at, payload, sha256, state, reason,
    received_at FROM given ORDER BY id COLLATE "C"
  ON CONFLICT (provider, event_id) DO NOTHING RETURNING event_id, state),
asked AS (
  INSERT INTO payment.customer_syncs AS sync
    (provider, provider_customer_id, lookup, requests, cause_type, cause_id, due_at)
  SELECT %(provider)s, sync_key, max(lookup), count(*), 'webhook', max(id), min(received_at)
  FROM given JOIN fresh ON fresh.event_id = given.id WHERE fresh.state = 'received'
  GROUP BY sync_key ORDER BY sync_key COLLATE "C"
  ON CONFLICT (provider, provider_customer_id) DO UPDATE SET
    requests = sync.requests + excluded.requests, cause_type = excluded.cause_type, cause_id = excluded.cause_id,
    due_at = CASE WHEN sync.requests > sync.answered AND NOT sync.dead THEN least(sync.due_at, excluded.due_at)
      ELSE excluded.due_at END, attempts = CASE WHEN sync.dead THEN 0 ELSE sync.attempts END,
    last_error = CASE WHEN sync.dead THEN NULL ELSE sync.last_error END, dead = false)
SELECT event_id FROM fresh
"""
_COUNT = """
UPDATE payment.webhook_inbox SET deliveries = deliveries + %(times)s
WHERE provider = %(provider)s AND event_id = %(id)s
"""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A delivery that has not been committed yet."""

    event: ReceivedEvent
    now: datetime
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class SqlWebhookInbox:
    """The inbox, on connections that commit each statement by itself; one commit at a time carries all who wait."""

    def __init__(self, database: Database) -> None:
        self._engine: AsyncEngine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._waiting: deque[_Waiting] = deque()
        self._writer: asyncio.Task[None] | None = None

    async def put(self, event: ReceivedEvent, now: datetime) -> None:
        """Store an event, or count its redelivery. Raises EventMalformed for what Postgres cannot hold (a NUL)."""
        waiting = _Waiting(event, now)
        self._waiting.append(waiting)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all(), name="webhook inbox")
        await waiting.done

    async def _write_all(self) -> None:
        group: list[_Waiting] = []
        try:
            while self._waiting:
                group = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_AT_ONCE))]
                await self._write_together(group)
        finally:  # when the process ends, or something is broken: nobody may wait for ever
            for each in [*group, *self._waiting]:
                each.done.cancel()
            self._waiting.clear()

    async def _write_together(self, group: Sequence[_Waiting]) -> None:
        try:
            await self._write(group)
        except DataError:
            await self._write_each(group)
        except (SQLAlchemyError, OSError) as error:
            _fail(group, error)

    async def _write_each(self, group: Sequence[_Waiting]) -> None:
        """Write a group one by one: one of them cannot be kept, and must not take others with it."""
        for each in group:
            try:
                await self._write([each])
            except DataError:
                _fail([each], EventMalformed())
            except (SQLAlchemyError, OSError) as error:
                _fail([each], error)

    async def _write(self, group: Sequence[_Waiting]) -> None:
        first: dict[str, _Waiting] = {}
        deliveries: dict[str, int] = {}
        for each in group:
            first.setdefault(each.event.id, each)
            deliveries[each.event.id] = deliveries.get(each.event.id, 0) + 1
        async with self._engine.connect() as connection:
            stored = await connection.exec_driver_sql(_PUT, _columns(list(first.values())))
            fresh = {event_id for (event_id,) in stored}
            await _count(connection, {name: times - (name in fresh) for name, times in deliveries.items()})
        for each in group:
            if not each.done.done():
                each.done.set_result(None)


async def _count(connection: AsyncConnection, redelivered: dict[str, int]) -> None:
    for name, times in redelivered.items():
        if times:
            await connection.exec_driver_sql(_COUNT, {"provider": PROVIDER, "id": name, "times": times})


def _fail(group: Sequence[_Waiting], error: Exception) -> None:
    for each in group:
        if not each.done.done():
            each.done.set_exception(error)


def _columns(group: Sequence[_Waiting]) -> dict[str, Any]:
    events = [each.event for each in group]
    same = (
        "id",
        "type",
        "api_version",
        "livemode",
        "object_id",
        "sync_key",
        "lookup",
        "created_at",
        "sha256",
        "reason",
    )
    return {name: [getattr(event, name) for event in events] for name in same} | {
        "provider": PROVIDER,
        "payload": [event.payload.decode() for event in events],
        "state": ["ignored" if event.is_ignored else "received" for event in events],
        "now": [each.now for each in group],
    }
