"""The three transports: one in memory, Redis Streams, SNS with SQS."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.asyncio import Redis

from common_events.conformance import Line, Transport
from common_events.redis_streams import RedisPublisher, RedisSubscription
from common_events.sns import SnsPublisher
from common_events.sns_sqs import Listener, Topology, ensure_topology
from common_events.sqs import Queue, SqsSubscription
from common_events.testing import MemoryBroker, MemoryPublisher, MemorySubscription
from common_events.testing_aws import Aws, running_aws
from common_service.database import Database
from libs.common_events.tests.applying import World
from libs.common_events.tests.relaying import Processes
from sandbox.servers.redis import Redis as RedisServer
from sandbox.servers.redis import start_redis

HEARD = ("kit", "other")
_VISIBILITY_SECONDS = 1


@pytest.fixture
def aws() -> Iterator[Aws]:
    """Run SNS and SQS of this test's own."""
    with running_aws() as aws:
        yield aws


@pytest.fixture
def topology(aws: Aws) -> Topology:
    """Make topics for the suite's sources and queues for its consumers, with little patience."""
    listeners = [Listener(consumer, HEARD) for consumer in ("a", "b")]
    return ensure_topology(
        aws.sns, aws.sqs, prefix="kit", sources=[*HEARD, "unheard"], listeners=listeners, visibility_seconds=1
    )


@dataclass(slots=True)
class RestartableRedis:
    """A server that keeps nothing when it ends."""

    directory: Path
    server: RedisServer

    def restart(self) -> None:
        """End it and start it at the same port."""
        self.server.stop()
        self.server = start_redis(self.directory, port=self.server.port, durable=False)


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RestartableRedis]:
    """Run a Redis server of this test's own."""
    restartable = RestartableRedis(tmp_path / "redis", start_redis(tmp_path / "redis", durable=False))
    yield restartable
    restartable.server.stop()


@pytest.fixture
def redis_url(redis_server: RestartableRedis) -> str:
    """Return its address."""
    return redis_server.server.url


@pytest.fixture(params=["memory", "redis"])
def losable(request: pytest.FixtureRequest) -> Transport:
    """Return a transport that may lose all it holds, and knows it."""
    return (
        _memory()
        if request.param == "memory"
        else _redis(request.getfixturevalue("redis"), request.getfixturevalue("redis_server"))
    )


@pytest.fixture(params=["memory", "redis", "sns_sqs"])
def transport(request: pytest.FixtureRequest) -> Transport:
    """Return a transport."""
    if request.param == "memory":
        return _memory()
    if request.param == "redis":
        return _redis(request.getfixturevalue("redis"), request.getfixturevalue("redis_server"))
    return _sns_sqs(request.getfixturevalue("aws"), request.getfixturevalue("topology"))


def _memory() -> Transport:
    broker = MemoryBroker()

    async def lose() -> None:
        broker.lose_everything()

    return Transport(
        lambda: MemoryPublisher(broker), lambda name: MemorySubscription(broker, name, HEARD), restart=lose, lose=lose
    )


def _redis(redis: Redis, server: RestartableRedis) -> Transport:
    members = iter(range(1000))

    async def restart() -> None:
        await asyncio.to_thread(server.restart)

    return Transport(
        lambda: RedisPublisher(redis, kept_ms=-1000),
        lambda name: RedisSubscription(redis, name, HEARD, f"member-{next(members)}"),
        restart=restart,
        lose=redis.flushall,
    )


def _sns_sqs(aws: Aws, topology: Topology) -> Transport:
    line = Line()

    async def restart() -> None:
        line.is_cut = True
        await asyncio.sleep(0.3)
        line.is_cut = False

    async def die(subscription: SqsSubscription) -> None:
        """Let the time of what it holds pass: moto hands out 8 while 6 is hidden, which no FIFO queue of AWS does."""
        subscription.close()
        await asyncio.sleep(1.5 * _VISIBILITY_SECONDS)

    return Transport(
        lambda: SnsPublisher(aws.sns, topology.topics),
        lambda name: SqsSubscription(aws.sqs, topology.queues[name], visibility_seconds=_VISIBILITY_SECONDS),
        restart=restart,
        die=die,
        many=25,
        line=line,
    )


@pytest.fixture
def publisher(aws: Aws, topology: Topology) -> SnsPublisher:
    return SnsPublisher(aws.sns, topology.topics)


@pytest.fixture
def queue(topology: Topology) -> Queue:
    return topology.queues["a"]


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@pytest.fixture
def processes(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Processes]:
    processes = Processes(tmp_path, database_url, redis_url)
    yield processes
    processes.end()
