"""Facts written in the transaction of the change they tell of, so that neither can be without the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Table, bindparam, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.contextvars import get_contextvars

from common_events.envelope import Envelope
from common_events.tables import MessagingTables
from common_service.ids import uuid7
from common_service.statements import Compiled, later

_WRITTEN = (
    *("event_id", "type", "schema_version", "subject", "partition_key", "aggregate_version"),
    *("payload", "correlation_id", "causation_id", "traceparent", "occurred_at"),
)


@dataclass(frozen=True, slots=True)
class Fact:
    """What a service tells the others. Lock the aggregate's row before adding it: that keeps the order of its facts."""

    type: str
    partition_key: str
    aggregate_version: int
    data: Mapping[str, Any]
    occurred_at: datetime
    subject: UUID | None = None
    causation_id: UUID | None = None
    schema_version: int = 1


class SqlOutbox:
    """The outbox as seen from one transaction."""

    def __init__(self, session: AsyncSession, tables: MessagingTables) -> None:
        self._session, self._table = session, tables.outbox

    async def add(self, *facts: Fact) -> None:
        """Write facts; the relay is woken when the transaction commits. Raises TypeError for data that is no JSON,
        and what the database raises.

        The request's id and trace go with them, and the event being handled is their cause unless they name another.
        """
        if not facts:
            return
        known = get_contextvars()
        cause = known.get("event_id")
        origin = {"correlation_id": known.get("request_id"), "traceparent": known.get("traceparent")}
        rows = [
            {
                "event_id": uuid7(),
                "type": fact.type,
                "schema_version": fact.schema_version,
                "subject": fact.subject,
                "partition_key": fact.partition_key,
                "aggregate_version": fact.aggregate_version,
                "payload": orjson.loads(orjson.dumps(dict(fact.data))),  # ids and times as text
                "causation_id": fact.causation_id or (UUID(cause) if cause else None),
                "occurred_at": fact.occurred_at,
                **origin,
            }
            for fact in facts
        ]
        for row in rows:
            later(self._session, _adding(self._table), row)
        later(self._session, _waking(self._table), {})


@cache
def _adding(table: Table) -> Compiled:
    return Compiled(insert(table).values({name: bindparam(name) for name in _WRITTEN}))


@cache
def _waking(table: Table) -> Compiled:
    return Compiled(select(func.pg_notify(channel(table.schema or ""), "")))


def channel(schema: str) -> str:
    """Return the NOTIFY channel that wakes the relay of a schema."""
    return f"outbox_{schema}"


def envelope_of(row: Mapping[str, Any], source: str) -> Envelope:
    """Return a row of the outbox of `source` as it travels."""
    return Envelope(
        id=row["event_id"],
        type=row["type"],
        source=source,
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
