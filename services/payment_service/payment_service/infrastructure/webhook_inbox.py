"""Where webhooks become durable: one statement, one round trip, no objects in between (performance.md, Webhooks)."""

from datetime import datetime

from sqlalchemy.exc import DataError
from sqlalchemy.ext.asyncio import AsyncEngine

from common_service.database import Database
from payment_service.application.sync_ports import ReceivedEvent
from payment_service.domain.errors import EventMalformed
from payment_service.infrastructure.base import PROVIDER

_PUT = """
WITH event AS (
  INSERT INTO payment.webhook_inbox AS inbox (provider, event_id, type, api_version, livemode, object_id,
    provider_customer_id, provider_created_at, payload, payload_sha256, state, reason, received_at)
  VALUES (%(provider)s, %(id)s, %(type)s, %(api_version)s, %(livemode)s, %(object_id)s, %(sync_key)s,
    %(created_at)s, %(payload)s::jsonb, %(sha256)s, %(state)s, %(reason)s, %(now)s)
  ON CONFLICT (provider, event_id) DO UPDATE SET deliveries = inbox.deliveries + 1
  RETURNING deliveries = 1 AND state = 'received' AS asks_for_sync)
INSERT INTO payment.customer_syncs AS sync (provider, provider_customer_id, lookup, cause_type, cause_id, due_at)
SELECT %(provider)s, %(sync_key)s, %(lookup)s, 'webhook', %(id)s, %(now)s FROM event WHERE asks_for_sync
ON CONFLICT (provider, provider_customer_id) DO UPDATE SET
  requests = sync.requests + 1, cause_type = excluded.cause_type, cause_id = excluded.cause_id,
  due_at = least(sync.due_at, excluded.due_at), attempts = CASE WHEN sync.dead THEN 0 ELSE sync.attempts END,
  dead = false
"""


class SqlWebhookInbox:
    """The inbox, on connections that commit each statement by itself."""

    def __init__(self, database: Database) -> None:
        self._engine: AsyncEngine = database.engine.execution_options(isolation_level="AUTOCOMMIT")

    async def put(self, event: ReceivedEvent, now: datetime) -> None:
        """Store an event, or count its redelivery. Raises EventMalformed for what Postgres cannot hold (a NUL)."""
        values = {
            "provider": PROVIDER,
            "id": event.id,
            "type": event.type,
            "api_version": event.api_version,
            "livemode": event.livemode,
            "object_id": event.object_id,
            "sync_key": event.sync_key,
            "lookup": event.lookup,
            "created_at": event.created_at,
            "payload": event.payload.decode(),
            "sha256": event.sha256,
            "state": "ignored" if event.is_ignored else "received",
            "reason": event.reason,
            "now": now,
        }
        try:
            async with self._engine.connect() as connection:
                await connection.exec_driver_sql(_PUT, values)
        except DataError:
            raise EventMalformed from None
