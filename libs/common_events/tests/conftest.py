"""The three transports: one in memory, Redis Streams, SNS with SQS."""

from collections.abc import Iterator

import pytest
from redis.asyncio import Redis

from common_events.conformance import Transport
from common_events.redis_streams import RedisPublisher, RedisSubscription
from common_events.sns import SnsPublisher
from common_events.sns_sqs import Listener, Topology, ensure_topology
from common_events.sqs import SqsSubscription
from common_events.testing import MemoryBroker, MemoryPublisher, MemorySubscription
from common_events.testing_aws import Aws, running_aws

HEARD = ("kit", "other")


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


@pytest.fixture(params=["memory", "redis"])
def losable(request: pytest.FixtureRequest) -> Transport:
    """Return a transport that may lose all it holds, and knows it."""
    return _memory() if request.param == "memory" else _redis(request.getfixturevalue("redis"))


@pytest.fixture(params=["memory", "redis", "sns_sqs"])
def transport(request: pytest.FixtureRequest) -> Transport:
    """Return a transport."""
    if request.param == "memory":
        return _memory()
    if request.param == "redis":
        return _redis(request.getfixturevalue("redis"))
    return _sns_sqs(request.getfixturevalue("aws"), request.getfixturevalue("topology"))


def _memory() -> Transport:
    broker = MemoryBroker()

    async def lose() -> None:
        broker.lose_everything()

    return Transport(lambda: MemoryPublisher(broker), lambda name: MemorySubscription(broker, name, HEARD), lose)


def _redis(redis: Redis) -> Transport:
    members = iter(range(1000))
    return Transport(
        lambda: RedisPublisher(redis, kept_ms=-1000),
        lambda name: RedisSubscription(redis, name, HEARD, f"member-{next(members)}"),
        redis.flushall,
    )


def _sns_sqs(aws: Aws, topology: Topology) -> Transport:
    return Transport(
        lambda: SnsPublisher(aws.sns, topology.topics),
        lambda name: SqsSubscription(aws.sqs, topology.queues[name], visibility_seconds=1),
        die=SqsSubscription.close,
        many=25,
    )
