"""Outbox to effect, one relay and one consumer in processes of their own, against the barest way over Redis Streams.

python -m bench.events [--durable]: with it, Postgres and Redis wait for the disk.
"""

import argparse
import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from statistics import median, quantiles
from typing import TypeVar
from uuid import uuid4

import psycopg
import uvloop
from redis.asyncio import Redis

from bench.measuring import Figure, Seconds, Subject, in_turn, ratio, show
from bench.parts import consumer, encoded_events, floor_consumer, floor_publish, relay
from bench.stage import BARE_TYPE, MANY_TYPE, TYPE, Stage, acting, stage, tables
from common_events.outbox import Fact, SqlOutbox
from common_service.clock import utc_now
from common_service.database import Database

Connection = psycopg.AsyncConnection[tuple[object, ...]]
Found = TypeVar("Found")
_EVENTS, _ROUNDS, _WAKES = 2000, 5, 100
_GOAL, _SHARE, _WAKE_MS = 5000.0, 0.25, 10.0
_PATIENCE = 60.0
_FILL = """
INSERT INTO bench.outbox
  (event_id, type, schema_version, subject, partition_key, aggregate_version, payload, occurred_at)
SELECT gen_random_uuid(), %(type)s, 1, subject, subject::text, number, %(payload)s::jsonb, clock_timestamp()
FROM (SELECT number, md5((number %% 50)::text)::uuid AS subject FROM generate_series(1, %(count)s) AS number) AS facts
ORDER BY number
"""
_PAYLOAD = '{"text": "a fact of common length, told in a few words"}'


async def measure(place: Stage) -> list[Figure]:
    """Send the same number of events both ways in turn, then one at a time over the idle line."""
    connection = await psycopg.AsyncConnection.connect(place.database_url, autocommit=True)
    async with connection, Redis.from_url(place.redis_url) as redis:

        async def ours(kind: str) -> None:
            await connection.execute(_FILL, {"type": kind, "payload": _PAYLOAD, "count": _EVENTS})
            await connection.execute("SELECT pg_notify('outbox_bench', '')")
            await _all_applied(connection)

        async def floor() -> None:
            await floor_publish(redis, encoded.pop())
            await _all_applied(connection)

        encoded = [encoded_events(_EVENTS) for _ in range(_ROUNDS + 1)]
        subjects: dict[str, Subject] = {
            "floor": floor,
            "each": partial(ours, TYPE),
            "many": partial(ours, MANY_TYPE),
            "inbox": partial(ours, BARE_TYPE),
        }
        seconds = await in_turn(subjects, rounds=_ROUNDS, clock=time.perf_counter)
        waits = await wake_ups(place, connection, redis)
    return [*_rates(seconds), *_waits(*waits)]


async def wake_ups(place: Stage, connection: Connection, redis: Redis) -> tuple[Seconds, Seconds]:
    """Return the waits of facts that come alone: from asking for the commit to our handler, from XADD to the floor."""
    database, ours, floor = Database(place.database_url), [], []
    subject = uuid4()
    for version, encoded in enumerate(encoded_events(_WAKES)):
        await asyncio.sleep(random.uniform(0.01, 0.04))
        async with database.session() as session:
            fact = Fact(TYPE, str(subject), version, {"text": "alone"}, utc_now(), subject=subject)
            await SqlOutbox(session, tables()).add(fact)
            asked_at = time.monotonic()
            await session.commit()
        ours.append(await _applied_at(connection) - asked_at)
        await asyncio.sleep(random.uniform(0.01, 0.04))
        asked_at = time.monotonic()
        await floor_publish(redis, [encoded])
        floor.append(await _applied_at(connection) - asked_at)
    await database.close()
    return ours, floor


async def _applied_at(connection: Connection) -> float:
    async def applied() -> float | None:
        row = await (await connection.execute("DELETE FROM bench.effects RETURNING applied_at")).fetchone()
        return None if row is None else float(str(row[0]))

    return await _eventually(applied, pause=0.01)


async def _all_applied(connection: Connection) -> None:
    async def counted() -> bool | None:
        row = await (await connection.execute("SELECT count(*) FROM bench.inbox")).fetchone()
        return True if row == (_EVENTS,) else None

    await _eventually(counted, pause=0.01)
    await connection.execute("TRUNCATE bench.effects, bench.inbox, bench.outbox")


async def _eventually(probe: Callable[[], Awaitable[Found | None]], *, pause: float) -> Found:
    async with asyncio.timeout(_PATIENCE):
        while True:
            if (found := await probe()) is not None:
                return found
            await asyncio.sleep(pause)


def _rates(seconds: Mapping[str, Seconds]) -> list[Figure]:
    floor = seconds["floor"]
    goal = min(_GOAL, _SHARE * _EVENTS / median(floor))
    ways = {
        "many": "outbox, relay, Redis Streams, inbox, effects by a handler of many",
        "inbox": "the same without effects",
        "each": "the same with a statement for each event",
    }
    figures = [Figure("floor: pipelined XADD, XREADGROUP, one commit per batch", _EVENTS / median(floor), "events/s")]
    for way, what in ways.items():
        asked_for = goal if way != "each" else None
        figures.append(Figure(what, _EVENTS / median(seconds[way]), "events/s", asked_for, at_least=True))
    return [*figures, *(Figure(f"{way} / floor", ratio(floor, seconds[way]), "x") for way in ways)]


def _waits(ours: Seconds, floor: Seconds) -> list[Figure]:
    return [
        Figure("idle wake-up, commit to handler, p50", median(ours) * 1e3, "ms", _WAKE_MS),
        Figure("idle wake-up, commit to handler, p95", quantiles(ours, n=20)[-1] * 1e3, "ms"),
        Figure("floor: XADD to the reader on the same idle line, p50", median(floor) * 1e3, "ms"),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--durable", action="store_true", help="commits and appends wait for the disk")
    with (
        stage(durable=parser.parse_args().durable) as place,
        acting(relay, place),
        acting(consumer, place),
        acting(floor_consumer, place),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        figures = runner.run(measure(place))
    show("events", figures)


if __name__ == "__main__":
    main()
