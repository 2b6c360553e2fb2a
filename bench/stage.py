"""A Postgres, a Redis and the messaging tables for one run, and processes that act on them."""

import asyncio
import multiprocessing
import signal
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import uvloop
from sqlalchemy import MetaData

from common_events.ddl import MESSAGING_V1
from common_events.tables import MessagingTables, messaging_tables
from common_service.logging import configure_logging
from sandbox.servers.postgres import start_postgres
from sandbox.servers.redis import start_redis

SCHEMA = "bench"
SOURCE = "bench-service"
TYPE, MANY_TYPE = "bench.measured", "bench.gathered"  # with an effect: a statement each, and one for many
BARE_TYPE = "bench.received"  # with the inbox row alone
_EFFECTS = """
CREATE TABLE bench.effects (
  event_id uuid NOT NULL, subject uuid NOT NULL, version bigint NOT NULL, applied_at double precision NOT NULL,
  CONSTRAINT pk_effects PRIMARY KEY (event_id))
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the servers of this run are."""

    database_url: str
    redis_url: str


Part = Callable[[Stage, asyncio.Event], Awaitable[None]]


def tables() -> MessagingTables:
    """Describe the messaging tables of the run's schema."""
    return messaging_tables(MetaData(schema=SCHEMA))


@contextmanager
def stage(*, durable: bool) -> Iterator[Stage]:
    """Start both servers; `durable` makes every commit and every append wait for the disk, as in production."""
    with ExitStack() as stack:
        postgres = start_postgres(_directory(stack), durable=durable)
        stack.callback(postgres.stop)
        redis = start_redis(_directory(stack), durable=durable)
        stack.callback(redis.stop)
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA bench")
            connection.execute(MESSAGING_V1.format(schema=SCHEMA).encode())
            connection.execute(_EFFECTS)
        yield Stage(postgres.url, redis.url)


@contextmanager
def acting(part: Part, place: Stage) -> Iterator[None]:
    """Run `part` in a process of its own, as a worker runs it, until the block ends."""
    process = multiprocessing.get_context("spawn").Process(target=_act, args=(part, place), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join(timeout=5)


def _act(part: Part, place: Stage) -> None:
    configure_logging("bench", level="WARNING")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_told(part, place))


async def _until_told(part: Part, place: Stage) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await part(place, stop)


def _directory(stack: ExitStack) -> Path:
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="truecrime-", ignore_cleanup_errors=True)))
    directory.chmod(0o755)  # Postgres runs as another user when root runs this
    return directory
