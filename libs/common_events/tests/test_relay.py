"""From the outbox over Redis into an inbox: nothing lost, nothing inverted, whoever dies on the way."""

import asyncio
import contextlib
import os
import random
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from prometheus_client import CollectorRegistry
from psycopg.rows import dict_row
from redis.asyncio import Redis
from sqlalchemy import text

from common_events.envelope import Envelope
from common_events.outbox import Fact, SqlOutbox
from common_events.redis_streams import RedisPublisher
from common_events.relay import Relay
from common_events.testing import MemoryBroker, MemoryPublisher
from common_service.database import Database
from common_service.ids import uuid7
from common_service.jobs import supervise
from common_service.testing import eventually
from libs.common_events.tests.relaying import (
    EFFECTS,
    LONG,
    OFTEN,
    TABLES,
    Processes,
    consumer,
    effects,
    published,
    relay,
    running,
    tell,
    until,
    until_counted,
)
from sandbox.servers.redis import start_redis

pytestmark = pytest.mark.anyio
OURS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
LOCKS = """SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
 WHERE datname = current_database() AND locktype = 'advisory' AND granted"""
STORM = int(os.environ.get("STORM", "1"))


async def test_a_fact_wakes_the_relay_that_would_not_look_by_itself(
    database: Database, database_url: str, redis: Redis
) -> None:
    idle = asyncio.create_task(supervise(relay(database_url, redis, poll_seconds=3600), asyncio.Event()))
    async with running(consumer(database, redis)):
        for version in range(20):
            await tell(database, version)
            await until(database, [f"k:{n}" for n in range(version + 1)])
    idle.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await idle


async def test_two_relays_have_one_leader_and_the_other_takes_over(
    database: Database, redis: Redis, processes: Processes
) -> None:
    leader = processes.start("relay")
    async with running(consumer(database, redis)):
        await tell(database, 1)
        await until(database, ["k:1"])
        await published(database)
        processes.start("relay")
        await until_counted(database, f"{OURS} AND query LIKE 'SELECT pg_try%' AND application_name LIKE 'relay%'", 1)
        await until_counted(database, LOCKS, 2)  # one relay's and one consumer's
        await processes.kill(leader)
        await tell(database, 2)
        await until(database, ["k:1", "k:2"])
    assert await redis.xlen("events:kit") == 2


async def test_a_relay_killed_between_publishing_and_marking_repeats_and_the_inbox_absorbs(
    database: Database, redis: Redis, processes: Processes
) -> None:
    await tell(database, *range(5))
    await processes.death(processes.start("dying-relay"))
    processes.start("relay")
    async with running(consumer(database, redis)):
        await tell(database, 5)
        await until(database, [f"k:{n}" for n in range(6)])
    assert await redis.xlen("events:kit") == 11


async def test_flushing_redis_loses_nothing_and_remembers_consumers_that_are_away(
    database: Database, database_url: str, redis: Redis
) -> None:
    async def both_are_known() -> bool:
        return await RedisPublisher(redis).consumers("kit") == {"c", "away"}

    async with running(relay(database_url, redis)):
        async with running(consumer(database, redis), consumer(database, redis, "away")):
            await tell(database, 1)
            await until(database, ["k:1", "k:1"])
            await until_counted(database, "SELECT count(*) FROM kit.event_consumers WHERE name IN ('c', 'away')", 2)
        await tell(database, 2)
        await published(database)
        await redis.flushall()
        await eventually(both_are_known)
        await tell(database, 3)
        async with running(consumer(database, redis)):
            await until(database, ["k:1", "k:1", "k:2", "k:3"])
        async with running(consumer(database, redis, "away")):
            await until(database, ["k:1", "k:1", "k:2", "k:3", "k:2", "k:3"])


async def test_a_redis_that_is_away_and_comes_back_empty_loses_nothing(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    server = start_redis(tmp_path / "r", durable=False)
    redis = Redis.from_url(server.url)
    async with running(relay(database_url, redis), consumer(database, redis)):
        await tell(database, 1)
        await until(database, ["k:1"])
        server.stop()
        await tell(database, 2, 3)
        await asyncio.sleep(0.5)
        server = start_redis(tmp_path / "r", port=server.port, durable=False)
        await tell(database, 4)
        await until(database, [f"k:{n}" for n in (1, 2, 3, 4)])
    await redis.aclose()
    server.stop()


async def test_what_all_have_consumed_is_noted_and_leaves_the_stream(
    database: Database, database_url: str, redis: Redis
) -> None:
    publisher = RedisPublisher(redis, kept_ms=-1000)
    job = Relay(database_url, schema="kit", source="kit", publisher=publisher, poll_seconds=OFTEN).job()

    async def is_empty() -> bool:
        return not await redis.xlen("events:kit")

    await tell(database, *range(1100))
    async with running(consumer(database, redis)):
        async with running(job):
            await until(database, [f"k:{n}" for n in range(1100)])
        async with running(job):
            await eventually(is_empty)
    async with database.session() as session:
        left = text("SELECT count(*) FROM kit.outbox WHERE consumed_at IS NULL")
        assert (await session.execute(left)).scalar_one() == 0


async def test_a_full_stream_makes_facts_wait_in_the_outbox_until_there_is_room(
    database: Database, database_url: str, redis: Redis
) -> None:
    publisher = RedisPublisher(redis, kept_unread=1000)  # two batches of a relay fit, three do not
    job = Relay(database_url, schema="kit", source="kit", publisher=publisher, poll_seconds=OFTEN).job()
    await publisher.open("kit", "kit:0/1", ["c"])
    await tell(database, *range(1600))
    async with running(job):
        await until_counted(database, "SELECT count(*) FROM kit.outbox WHERE published_at IS NOT NULL", 1000)
        await asyncio.sleep(3 * OFTEN)  # it may look again, and must not find room
        assert await redis.xlen("events:kit") == 1000
        async with running(consumer(database, redis)):
            await until(database, [f"k:{n}" for n in range(1600)])


async def test_a_fact_whose_notification_was_lost_is_found_by_looking(
    database: Database, database_url: str, redis: Redis
) -> None:
    async with running(relay(database_url, redis), consumer(database, redis)):
        await tell(database, 1)
        await until(database, ["k:1"])
        async with database.session() as session:  # as SqlOutbox does it, but for the notification
            values = {"event_id": uuid7(), "type": "kit.happened", "partition_key": "k", "aggregate_version": 2}
            row = {**values, "schema_version": 1, "payload": {}, "occurred_at": datetime.now(UTC)}
            await session.execute(TABLES.outbox.insert().values(**row))
            await session.commit()
        await until(database, ["k:1", "k:2"])


async def test_a_relay_whose_connection_was_cut_leads_again(
    database: Database, database_url: str, redis: Redis
) -> None:
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'relay-kit'"
    async with running(relay(database_url, redis), consumer(database, redis)):
        await tell(database, 1)
        await until(database, ["k:1"])
        async with database.session() as session:
            ours = f"{cut} AND datname = current_database()"
            assert (await session.execute(text(ours))).scalars().all() == [True]
        await tell(database, 2)
        await until(database, ["k:1", "k:2"])


async def test_relays_of_partitions_share_the_keys_and_each_keeps_their_order(
    database: Database, database_url: str
) -> None:
    broker = MemoryBroker()
    for version in range(0, 50, 5):
        for key in "abcdefgh":
            await tell(database, *range(version, version + 5), key=key)
    jobs = [
        Relay(
            database_url,
            schema="kit",
            source="kit",
            publisher=MemoryPublisher(broker),
            partition=n,
            partitions=3,
            poll_seconds=OFTEN,
        ).job()
        for n in range(3)
    ]
    async with running(*jobs):
        await published(database)
    sent = [Envelope.of(raw) for raw in broker.streams["kit"].values()]
    assert len(sent) == 400
    for key in "abcdefgh":
        assert [event.aggregate_version for event in sent if event.partition_key == key] == list(range(50))


async def test_the_lag_is_told(database: Database, database_url: str) -> None:
    registry = CollectorRegistry()
    relay = Relay(
        database_url, schema="kit", source="kit", publisher=MemoryPublisher(MemoryBroker()), registry=registry
    )
    await tell(database, 1, 2)
    connection = await psycopg.AsyncConnection.connect(database_url, autocommit=True, row_factory=dict_row)
    async with connection:
        await relay._look_after(connection)
        assert registry.get_sample_value("outbox_unpublished") == 2
        assert (registry.get_sample_value("outbox_lag_seconds") or 0) > 0
        assert await relay.step(connection) == 2
        await relay._look_after(connection)
    assert registry.get_sample_value("outbox_unpublished") == 0


@pytest.mark.timeout(120 * STORM)
async def test_under_parallel_writers_kills_and_flushes_every_effect_happens_once_and_in_order(
    database: Database, redis: Redis, processes: Processes
) -> None:
    """Eight writers; kill -9 of relays and consumers; Redis flushed.

    STORM=26 makes it 20,800 events, 50 kills and 6 flushes, and tells them in a line of its own (pytest -s).
    """
    keys, each, choose = [f"key{n}" for n in range(16)], 25 if STORM == 1 else 50 * STORM, random.Random(7)
    alive = {what: processes.start(what) for what in ("relay", "consumer")}
    blows, began_at = Counter[str](), time.monotonic()

    async def write(mine: list[str]) -> None:
        for version in range(each):
            for key in mine:
                async with database.session() as session:
                    lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 1))")
                    await session.execute(lock, {"key": key})  # the aggregate's row
                    await SqlOutbox(session, TABLES).add(Fact("kit.happened", key, version, {}, datetime.now(UTC)))
                    await session.commit()
            await asyncio.sleep(0.02)

    async def hurt() -> None:
        for n in range(4 if STORM == 1 else 4 + 2 * STORM):
            await asyncio.sleep(0.3 if STORM == 1 else choose.uniform(0.3, 2.5))
            if n % 10 == 3:
                await redis.flushall()
                blows["flush"] += 1
            else:
                what = choose.choice(list(alive))
                await processes.kill(alive[what])
                alive[what] = processes.start(what)
                blows[what] += 1

    await asyncio.gather(hurt(), *(write(keys[n::8]) for n in range(8)))
    with contextlib.suppress(TimeoutError):
        await until_counted(database, EFFECTS, len(keys) * each, seconds=LONG * STORM)
    found = await effects(database)
    by_key = {key: [what for what in found if what.startswith(f"{key}:")] for key in keys}
    inverted = sum(by_key[key] != [f"{key}:{n}" for n in range(each)] for key in keys)
    told, distinct = len(keys) * each, len(set(found))
    seconds = round(time.monotonic() - began_at, 1)
    figures = {"told": told, "lost": told - distinct, "twice": len(found) - distinct, "inverted": inverted, **blows}
    sys.stderr.write(f"storm of {seconds} s: {figures}\n")
    assert (len(found), distinct, inverted) == (told, told, 0)
