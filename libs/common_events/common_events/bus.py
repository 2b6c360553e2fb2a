"""The transport that the settings name, for a worker: what carries this service's facts, and what it hears."""

from collections.abc import Sequence
from typing import Protocol

from redis.asyncio import Redis

from common_events.aws_clients import sns_client, sqs_client
from common_events.redis_streams import RedisPublisher, RedisSubscription
from common_events.settings import EventSettings
from common_events.sns import SnsPublisher
from common_events.sqs import Queue, SqsSubscription
from common_events.transport import Publisher, Resumable


class Bus(Protocol):
    """Makes the ends of one transport. Nothing is opened before it is used."""

    def publisher(self) -> Publisher:
        """Return what takes the facts of this service."""
        ...

    def subscription(self, consumer: str, sources: Sequence[str]) -> Resumable:
        """Return what `consumer` hears of `sources`, for one process at a time."""
        ...

    async def close(self) -> None:
        """Let go of every connection."""
        ...


def event_bus(settings: EventSettings) -> Bus:
    """Return the transport that `EVENT_BUS` names (decisions.md 10)."""
    return _RedisBus(settings) if settings.event_bus == "redis" else _SnsSqsBus(settings)


class _RedisBus:
    def __init__(self, settings: EventSettings) -> None:
        self._redis: Redis = Redis.from_url(settings.redis_url.get_secret_value())

    def publisher(self) -> RedisPublisher:
        return RedisPublisher(self._redis)

    def subscription(self, consumer: str, sources: Sequence[str]) -> RedisSubscription:
        # One member per group: only who holds the consumer's name reads, and whoever is next takes over the rest.
        return RedisSubscription(self._redis, consumer, sources, consumer)

    async def close(self) -> None:
        await self._redis.aclose()


class _SnsSqsBus:
    def __init__(self, settings: EventSettings) -> None:
        self._settings = settings
        self._subscriptions: list[SqsSubscription] = []

    def publisher(self) -> SnsPublisher:
        settings = self._settings
        return SnsPublisher(sns_client(region=settings.aws_region), {settings.source: settings.event_topic_arn})

    def subscription(self, consumer: str, sources: Sequence[str]) -> SqsSubscription:  # noqa: ARG002 - the queue's own subscriptions say which
        address = self._settings.event_queues[consumer]
        sqs = sqs_client(region=self._settings.aws_region)
        subscription = SqsSubscription(sqs, Queue(address.url, address.dead_letters_url))
        self._subscriptions.append(subscription)
        return subscription

    async def close(self) -> None:
        for subscription in self._subscriptions:
            subscription.close()
