"""The two sides of the comparison: our relay and consumer, and the barest consumer that still keeps its word."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import orjson
import psycopg
from redis.asyncio import Redis
from redis.exceptions import ResponseError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from bench.stage import BARE_TYPE, MANY_TYPE, SCHEMA, SOURCE, TYPE, Stage, tables
from common_events.consumer import Consumer
from common_events.envelope import Envelope
from common_events.handlers import Handling, Many
from common_events.redis_streams import RedisPublisher, RedisSubscription
from common_events.relay import Relay
from common_service.clock import utc_now
from common_service.database import Database

FLOOR_STREAM, _FLOOR_GROUP = "floor", "floor"
BATCH = 100
_EFFECT = text(
    "INSERT INTO bench.effects (event_id, subject, version, applied_at) VALUES (:id, :subject, :version, :at)"
)
_EFFECTS = text(
    "INSERT INTO bench.effects (event_id, subject, version, applied_at) SELECT row.id, row.subject, row.version, :at"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:subjects AS uuid[]), CAST(:versions AS bigint[]))"
    " AS row (id, subject, version)"
)
_FLOOR_WRITES = """
WITH received AS (
  INSERT INTO bench.inbox (consumer, event_id, type)
  SELECT 'floor', id, 'bench.measured' FROM unnest(%(ids)s::uuid[]) AS id ON CONFLICT DO NOTHING RETURNING event_id)
INSERT INTO bench.effects (event_id, subject, version, applied_at)
SELECT row.id, row.subject, row.version, %(at)s
FROM unnest(%(ids)s::uuid[], %(subjects)s::uuid[], %(versions)s::bigint[]) AS row (id, subject, version)
JOIN received ON received.event_id = row.id
"""


async def relay(place: Stage, stop: asyncio.Event) -> None:
    """Carry the outbox to Redis, as a service's worker does."""
    async with Redis.from_url(place.redis_url) as redis:
        await Relay(place.database_url, schema=SCHEMA, source=SOURCE, publisher=RedisPublisher(redis)).run(stop)


async def consumer(place: Stage, stop: asyncio.Event) -> None:
    """Apply events: by one statement each, which notes when the handler was called, by one for many, or by none."""
    handlers: dict[str, Handling] = {TYPE: _apply, MANY_TYPE: Many(_apply_many), BARE_TYPE: _look}
    database = Database(place.database_url)
    async with Redis.from_url(place.redis_url) as redis:
        subscription = RedisSubscription(redis, "bench", [SOURCE], "bench-1")
        await Consumer("bench", subscription, handlers, database, tables()).run(stop)
    await database.close()


async def _apply(session: AsyncSession, envelope: Envelope) -> None:
    called_at = time.monotonic()
    row = {"id": envelope.id, "subject": envelope.subject, "version": envelope.aggregate_version, "at": called_at}
    await session.execute(_EFFECT, row)


async def _apply_many(session: AsyncSession, envelopes: Sequence[Envelope]) -> None:
    columns = {
        "ids": [envelope.id for envelope in envelopes],
        "subjects": [envelope.subject for envelope in envelopes],
        "versions": [envelope.aggregate_version for envelope in envelopes],
    }
    await session.execute(_EFFECTS, {**columns, "at": time.monotonic()})


async def _look(_session: AsyncSession, envelope: Envelope) -> None:
    assert envelope.type == BARE_TYPE


async def floor_consumer(place: Stage, stop: asyncio.Event) -> None:
    """Read by hundreds, write inbox and effects in one statement and one commit, acknowledge."""
    connection = await psycopg.AsyncConnection.connect(place.database_url, autocommit=True)
    async with connection, Redis.from_url(place.redis_url) as redis:
        with contextlib.suppress(ResponseError):
            await redis.xgroup_create(FLOOR_STREAM, _FLOOR_GROUP, id="0", mkstream=True)
        while not stop.is_set():
            answer: Any = await redis.xreadgroup(_FLOOR_GROUP, "1", {FLOOR_STREAM: ">"}, count=BATCH, block=500)
            if entries := _entries(answer):
                await _write_batch(connection, [orjson.loads(fields[b"event"]) for _, fields in entries])
                await redis.xack(FLOOR_STREAM, _FLOOR_GROUP, *(entry_id for entry_id, _ in entries))


def _entries(answer: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Return the entries of the one stream, in either shape the client may give."""
    streams = answer.items() if isinstance(answer, dict) else answer or []
    return [entry for _, entries in streams for entry in entries]


async def _write_batch(connection: psycopg.AsyncConnection[Any], events: Sequence[dict[str, Any]]) -> None:
    columns = {
        "ids": [event["id"] for event in events],
        "subjects": [event["subject"] for event in events],
        "versions": [event["aggregate_version"] for event in events],
        "at": time.monotonic(),
    }
    await connection.execute(_FLOOR_WRITES, columns)


async def floor_publish(redis: Redis, encoded: Sequence[bytes]) -> None:
    """Append what is already encoded, pipelined by hundreds."""
    for start in range(0, len(encoded), BATCH):
        async with redis.pipeline(transaction=False) as pipeline:
            for event in encoded[start : start + BATCH]:
                pipeline.xadd(FLOOR_STREAM, {"event": event})
            await pipeline.execute()


def encoded_events(count: int) -> list[bytes]:
    """Return new events as they travel, each of one of 50 subjects."""
    subjects = [uuid4() for _ in range(50)]
    return [_event(subjects[number % 50], number).to_json() for number in range(count)]


def _event(subject: UUID, version: int) -> Envelope:
    return Envelope(
        id=uuid4(),
        type=TYPE,
        source=SOURCE,
        schema_version=1,
        subject=subject,
        time=utc_now(),
        partition_key=str(subject),
        aggregate_version=version,
        correlation_id=None,
        causation_id=None,
        traceparent=None,
        data={"text": "a fact of common length, told in a few words"},
    )
