"""Relays and consumers over Redis, here and as processes of their own, and what becomes of what they are told."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from common_events.consumer import Consumer
from common_events.envelope import Envelope
from common_events.outbox import Fact, SqlOutbox
from common_events.redis_streams import RedisPublisher, RedisSubscription
from common_events.relay import Relay
from common_events.tables import messaging_tables
from common_service.database import Database
from common_service.jobs import Job, supervise
from common_service.tables import schema_metadata
from common_service.testing import eventually

TABLES = messaging_tables(schema_metadata("kit"))
LONG = 60  # only a test that fails waits so long
OFTEN = 0.1
EFFECTS = "SELECT count(*) FROM kit.effects"
NURSERY = """
import asyncio, os, signal, sys
from redis.asyncio import Redis
from sqlalchemy import text
from common_events.consumer import Consumer
from common_events.redis_streams import RedisPublisher, RedisSubscription
from common_events.relay import Relay
from common_events.tables import messaging_tables
from common_service.database import Database
from common_service.ids import uuid7
from common_service.jobs import supervise
from common_service.tables import schema_metadata

_, database_url, redis_url, often = sys.argv
often = float(often)

async def apply(session, envelope):
    values = {"id": envelope.id, "what": f"{envelope.partition_key}:{envelope.aggregate_version}"}
    await session.execute(text("INSERT INTO kit.effects (event_id, what) VALUES (:id, :what)"), values)

async def main(what):
    class Dying(RedisPublisher):
        async def publish(self, envelopes):
            await super().publish(envelopes)
            if what == "dying-relay" and envelopes:
                os.kill(os.getpid(), signal.SIGKILL)

    redis = Redis.from_url(redis_url)
    if what.endswith("relay"):
        job = Relay(database_url, schema="kit", source="kit", publisher=Dying(redis), poll_seconds=often).job()
    else:
        database, tables = Database(database_url, pool_size=3), messaging_tables(schema_metadata("kit"))
        subscription = RedisSubscription(redis, "c", ["kit"], str(os.getpid()))
        job = Consumer("c", subscription, {"kit.happened": apply}, database, tables, poll_seconds=often).job()
    await supervise(job, asyncio.Event())

signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead leave no trace
for line in sys.stdin:
    if child := os.fork():
        print(child, flush=True)
    else:
        os.dup2(2, 1)
        asyncio.run(main(line.strip()))
os.killpg(0, signal.SIGKILL)
"""


class Processes:
    """Relays and consumers as processes of their own, to be killed. One that has imported everything forks them."""

    def __init__(self, directory: Path, database_url: str, redis_url: str) -> None:
        program = directory / "nursery.py"
        program.write_text(NURSERY)
        with (directory / "log").open("w") as log:
            self._nursery = subprocess.Popen(
                [sys.executable, str(program), database_url, redis_url, str(OFTEN)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def start(self, what: str) -> int:
        asking, telling = self._nursery.stdin, self._nursery.stdout
        assert asking
        assert telling
        asking.write(f"{what}\n")
        asking.flush()
        return int(telling.readline())

    async def death(self, child: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            async with asyncio.timeout(LONG):
                while True:
                    os.kill(child, 0)
                    await asyncio.sleep(0.01)

    async def kill(self, child: int) -> None:
        os.kill(child, signal.SIGKILL)
        await self.death(child)

    def end(self) -> None:
        self._nursery.communicate()  # the end of its input is the end of it and of its children


async def tell(database: Database, *versions: int, key: str = "k") -> None:
    async with database.session() as session:
        facts = [Fact("kit.happened", key, version, {"n": version}, datetime.now(UTC)) for version in versions]
        await SqlOutbox(session, TABLES).add(*facts)
        await session.commit()


async def effects(database: Database) -> list[str]:
    async with database.session() as session:
        return list((await session.execute(text("SELECT what FROM kit.effects ORDER BY n"))).scalars())


async def until(database: Database, expected: Sequence[str]) -> None:
    with contextlib.suppress(TimeoutError):
        await until_counted(database, EFFECTS, len(expected))
    assert await effects(database) == list(expected)


async def apply(session: AsyncSession, envelope: Envelope) -> None:
    values = {"id": envelope.id, "what": f"{envelope.partition_key}:{envelope.aggregate_version}"}
    await session.execute(text("INSERT INTO kit.effects (event_id, what) VALUES (:id, :what)"), values)


def consumer(database: Database, redis: Redis, name: str = "c") -> Job:
    subscription = RedisSubscription(redis, name, ["kit"], "me")
    return Consumer(name, subscription, {"kit.happened": apply}, database, TABLES, poll_seconds=OFTEN).job()


def relay(database_url: str, redis: Redis, *, poll_seconds: float = OFTEN) -> Job:
    publisher = RedisPublisher(redis)
    return Relay(database_url, schema="kit", source="kit", publisher=publisher, poll_seconds=poll_seconds).job()


@contextlib.asynccontextmanager
async def running(*jobs: Job) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(supervise(job, stop)) for job in jobs]
    yield
    stop.set()
    await asyncio.wait_for(asyncio.gather(*tasks), LONG)


async def published(database: Database) -> None:
    await until_counted(database, "SELECT count(*) FROM kit.outbox WHERE published_at IS NULL", 0)


async def until_counted(database: Database, query: str, number: int, *, seconds: float = LONG) -> None:
    async with database.session() as session:

        async def counts() -> bool:
            await session.rollback()
            return bool((await session.execute(text(query))).scalar_one() == number)

        await eventually(counts, seconds=seconds)
