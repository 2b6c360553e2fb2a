"""How far a relay is behind: the number an alarm watches. `outbox_unpublished` counts, `outbox_lag_seconds` ages."""

from typing import Any

import psycopg
from prometheus_client import CollectorRegistry, Gauge
from psycopg import sql


class OutboxLag:
    """Gauges of the facts not yet published: how many, and the age of the oldest in seconds."""

    def __init__(self, schema: str, registry: CollectorRegistry) -> None:
        self._count = Gauge("outbox_unpublished", "Facts not yet published.", registry=registry)
        self._age = Gauge("outbox_lag_seconds", "Age of the oldest unpublished fact.", registry=registry)
        self._query = sql.SQL(
            "SELECT count(*) AS count, coalesce(extract(epoch FROM clock_timestamp() - min(occurred_at)), 0) AS age"
            " FROM {} WHERE published_at IS NULL"
        ).format(sql.Identifier(schema, "outbox"))

    async def measure(self, connection: psycopg.AsyncConnection[dict[str, Any]]) -> None:
        """Set the gauges. Raises psycopg.Error."""
        row = await (await connection.execute(self._query)).fetchone()
        if row:
            self._count.set(row["count"])
            self._age.set(max(0.0, float(row["age"])))
