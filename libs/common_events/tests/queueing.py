"""What is sent over SNS and taken from SQS."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from common_events.envelope import Envelope
from common_events.sqs import Queue, SqsSubscription
from common_events.testing_aws import Aws
from common_events.transport import Delivery
from common_service.ids import uuid7

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def event(n: int = 0, key: str = "k", kind: str = "kit.happened", **data: Any) -> Envelope:
    return Envelope(uuid7(), kind, "kit", 1, None, NOW, key, n, None, None, None, data)


def listening(aws: Aws, queue: Queue, **settings: Any) -> SqsSubscription:
    return SqsSubscription(aws.sqs, queue, **{"visibility_seconds": 1, **settings})


async def take(subscription: SqsSubscription, count: int, *, seconds: float = 5) -> list[Delivery]:
    taken: list[Delivery] = []
    async with asyncio.timeout(seconds):
        while len(taken) < count:
            more = await subscription.receive(wait_seconds=0.05)
            await subscription.acknowledge(more)
            taken += more
    return taken


async def nothing_is_left(aws: Aws, queue: Queue) -> bool:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = aws.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)
    return {int(answer["Attributes"][name]) for name in names} == {0}


def names(deliveries: Sequence[Delivery]) -> list[str]:
    return [f"{delivery.envelope.partition_key}{delivery.envelope.aggregate_version}" for delivery in deliveries]
