"""From the outbox over Redis into an inbox: nothing lost, nothing inverted, whoever dies on the way."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from prometheus_client import CollectorRegistry
from psycopg.rows import dict_row
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from common_events.consumer import Consumer
from common_events.envelope import Envelope
from common_events.outbox import Fact, SqlOutbox
from common_events.redis_streams import RedisPublisher, RedisSubscription
from common_events.relay import Relay
from common_events.tables import messaging_tables
from common_events.testing import MemoryBroker, MemoryPublisher
from common_service.database import Database
from common_service.jobs import Job, supervise
from common_service.tables import schema_metadata
from sandbox.servers.redis import start_redis

pytestmark = pytest.mark.anyio
TABLES = messaging_tables(schema_metadata("kit"))
PROCESS = """
import asyncio, os, sys
from redis.asyncio import Redis
from sqlalchemy import text
from common_events.consumer import Consumer
from common_events.redis_streams import RedisPublisher, RedisSubscription
from common_events.relay import Relay
from common_events.tables import messaging_tables
from common_service.database import Database
from common_service.jobs import supervise
from common_service.tables import schema_metadata

what, database_url, redis_url = sys.argv[1:]

class Dying(RedisPublisher):
    async def publish(self, envelopes):
        await super().publish(envelopes)
        if what == "dying-relay" and envelopes:
            os.kill(os.getpid(), 9)

async def apply(session, envelope):
    values = {"id": envelope.id, "what": f"{envelope.partition_key}:{envelope.aggregate_version}"}
    await session.execute(text("INSERT INTO kit.effects (event_id, what) VALUES (:id, :what)"), values)

async def main():
    redis = Redis.from_url(redis_url)
    if what.endswith("relay"):
        job = Relay(database_url, schema="kit", source="kit", publisher=Dying(redis)).job()
    else:
        subscription = RedisSubscription(redis, "c", ["kit"], str(os.getpid()))
        tables = messaging_tables(schema_metadata("kit"))
        job = Consumer("c", subscription, {"kit.happened": apply}, Database(database_url, pool_size=3), tables).job()
    print("up", flush=True)
    await supervise(job, asyncio.Event())

asyncio.run(main())
"""


class Processes:
    """Relays and consumers as processes of their own, to be killed."""

    def __init__(self, directory: Path, database_url: str, redis_url: str) -> None:
        self._program, self._urls = directory / "process.py", (database_url, redis_url)
        self._program.write_text(PROCESS)
        self._log = (directory / "log").open("w")
        self.running: list[subprocess.Popen[str]] = []

    def start(self, what: str) -> "subprocess.Popen[str]":
        words = [sys.executable, str(self._program), what, *self._urls]
        child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=self._log, text=True, env={**os.environ})
        self.running.append(child)
        return child

    def kill(self, child: "subprocess.Popen[str]") -> None:
        child.send_signal(signal.SIGKILL)
        child.communicate()
        self.running.remove(child)

    def end(self) -> None:
        for child in list(self.running):
            self.kill(child)
        self._log.close()


@pytest.fixture
def processes(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Processes]:
    processes = Processes(tmp_path, database_url, redis_url)
    yield processes
    processes.end()


async def tell(database: Database, *versions: int, key: str = "k") -> None:
    async with database.session() as session:
        facts = [Fact("kit.happened", key, version, {"n": version}, datetime.now(UTC)) for version in versions]
        await SqlOutbox(session, TABLES).add(*facts)
        await session.commit()


async def effects(database: Database) -> list[str]:
    async with database.session() as session:
        return list((await session.execute(text("SELECT what FROM kit.effects ORDER BY n"))).scalars())


async def count(database: Database) -> int:
    async with database.session() as session:
        return int((await session.execute(text("SELECT count(*) FROM kit.effects"))).scalar_one())


async def until(database: Database, expected: Sequence[str], seconds: float = 15) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while await count(database) < len(expected):  # noqa: ASYNC110 - Postgres sets no event
                await asyncio.sleep(0.02)
    assert await effects(database) == list(expected)


async def apply(session: AsyncSession, envelope: Envelope) -> None:
    values = {"id": envelope.id, "what": f"{envelope.partition_key}:{envelope.aggregate_version}"}
    await session.execute(text("INSERT INTO kit.effects (event_id, what) VALUES (:id, :what)"), values)


def consumer(database: Database, redis: Redis, name: str = "c") -> Job:
    subscription = RedisSubscription(redis, name, ["kit"], "me")
    return Consumer(name, subscription, {"kit.happened": apply}, database, TABLES).job()


def relay(database_url: str, redis: Redis) -> Job:
    return Relay(database_url, schema="kit", source="kit", publisher=RedisPublisher(redis)).job()


@contextlib.asynccontextmanager
async def running(*jobs: Job) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(supervise(job, stop)) for job in jobs]
    yield
    stop.set()
    await asyncio.wait_for(asyncio.gather(*tasks), 5)


async def test_a_fact_reaches_its_effect_within_milliseconds(
    database: Database, database_url: str, redis: Redis
) -> None:
    async with running(relay(database_url, redis), consumer(database, redis)):
        await tell(database, 0)
        await until(database, ["k:0"])
        taken = []
        for version in range(1, 21):
            started = time.monotonic()
            await tell(database, version)
            while await count(database) <= version:  # noqa: ASYNC110 - Postgres sets no event
                await asyncio.sleep(0.001)
            taken.append(time.monotonic() - started)
    assert sorted(taken)[10] < 0.1  # far below what polling alone would take


async def test_two_relays_have_one_leader_and_the_other_takes_over(
    database: Database, database_url: str, redis: Redis, processes: Processes
) -> None:
    leader = processes.start("relay")
    async with running(consumer(database, redis)):
        await tell(database, 1)
        await until(database, ["k:1"])
        processes.start("relay")
        await asyncio.sleep(0.5)
        with psycopg.connect(database_url) as connection:
            held = connection.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            ).fetchone()
        assert held == (2,)  # one relay's, one consumer's
        leader.send_signal(signal.SIGKILL)
        started = time.monotonic()
        await tell(database, 2)
        await until(database, ["k:1", "k:2"])
    assert time.monotonic() - started < 5
    assert await redis.xlen("events:kit") == 2


async def test_a_relay_killed_between_publishing_and_marking_repeats_and_the_inbox_absorbs(
    database: Database, redis: Redis, processes: Processes
) -> None:
    await tell(database, *range(5))
    dying = processes.start("dying-relay")
    assert await asyncio.to_thread(dying.wait, 15) == -signal.SIGKILL
    processes.start("relay")
    async with running(consumer(database, redis)):
        await tell(database, 5)
        await until(database, [f"k:{n}" for n in range(6)])
    assert await redis.xlen("events:kit") == 11


async def test_flushing_redis_loses_nothing_and_remembers_consumers_that_are_away(
    database: Database, database_url: str, redis: Redis
) -> None:
    async with running(relay(database_url, redis)):
        async with running(consumer(database, redis), consumer(database, redis, "away")):
            await tell(database, 1)
            await until(database, ["k:1", "k:1"])
            await _learned(database, {"c", "away"})
        await tell(database, 2)
        await _published(database)
        await redis.flushall()
        async with asyncio.timeout(5):
            while not await redis.exists("events:kit"):  # noqa: ASYNC110 - the relay finds out by itself
                await asyncio.sleep(0.02)
        groups = {group["name"] for group in await redis.xinfo_groups("events:kit")}
        assert groups == {b"c", b"away"}
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


async def _learned(database: Database, names: set[str]) -> None:
    async with asyncio.timeout(10), database.session() as session:
        while set((await session.execute(text("SELECT name FROM kit.event_consumers"))).scalars()) != names:
            await asyncio.sleep(0.05)
            await session.rollback()


async def _published(database: Database) -> None:
    async with asyncio.timeout(5), database.session() as session:
        query = text("SELECT count(*) FROM kit.outbox WHERE published_at IS NULL")
        while (await session.execute(query)).scalar_one():
            await asyncio.sleep(0.02)
            await session.rollback()


async def test_what_all_have_consumed_is_noted_and_leaves_the_stream(
    database: Database, database_url: str, redis: Redis
) -> None:
    publisher = RedisPublisher(redis, kept_ms=-1000)
    job = Relay(database_url, schema="kit", source="kit", publisher=publisher).job()
    await tell(database, *range(1100))
    async with running(consumer(database, redis)):
        async with running(job):
            await until(database, [f"k:{n}" for n in range(1100)])
        async with running(job), asyncio.timeout(10):
            while await redis.xlen("events:kit"):  # noqa: ASYNC110 - Redis sets no event
                await asyncio.sleep(0.05)
    async with database.session() as session:
        left = text("SELECT count(*) FROM kit.outbox WHERE consumed_at IS NULL")
        assert (await session.execute(left)).scalar_one() == 0


async def test_relays_of_partitions_share_the_keys_and_each_keeps_their_order(
    database: Database, database_url: str
) -> None:
    broker = MemoryBroker()
    for version in range(0, 50, 5):
        for key in "abcdefgh":
            await tell(database, *range(version, version + 5), key=key)
    jobs = [
        Relay(
            database_url, schema="kit", source="kit", publisher=MemoryPublisher(broker), partition=n, partitions=3
        ).job()
        for n in range(3)
    ]
    async with running(*jobs):
        await _published(database)
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


async def test_under_parallel_writers_kills_and_flushes_every_effect_happens_once_and_in_order(
    database: Database, redis: Redis, processes: Processes
) -> None:
    """Eight writers; kill -9 of relays and consumers; Redis flushed. STORM=26 makes it 20,800 events and 56 blows."""
    scale = int(os.environ.get("STORM", "1"))
    keys, each, choose = [f"key{n}" for n in range(16)], 25 if scale == 1 else 50 * scale, random.Random(7)
    alive = {what: processes.start(what) for what in ("relay", "consumer")}

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
        for n in range(4 + 2 * (scale - 1)):
            await asyncio.sleep(0.7 if scale == 1 else choose.uniform(0.3, 2.5))
            if n % 10 == 3:
                await redis.flushall()
            else:
                what = choose.choice(list(alive))
                processes.kill(alive[what])
                alive[what] = processes.start(what)

    await asyncio.gather(hurt(), *(write(keys[n::8]) for n in range(8)))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(20 * scale):
            while await count(database) < len(keys) * each:  # noqa: ASYNC110 - Postgres sets no event
                await asyncio.sleep(0.1)
    found = await effects(database)
    assert len(found) == len(set(found)) == len(keys) * each
    for key in keys:
        assert [what for what in found if what.startswith(f"{key}:")] == [f"{key}:{n}" for n in range(each)]
