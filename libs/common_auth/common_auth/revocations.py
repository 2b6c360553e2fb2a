"""Tells every process whose tokens are refused that were issued until now: a Redis channel, and a list (ADR 9)."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import orjson
from redis.asyncio import Redis

from common_auth.tokens import LONGEST_LIFE, TokenVerifier
from common_service.jobs import Job

_CHANNEL, _LIST = "tokens.revoked", "tokens:revoked"
_LOOK_SECONDS = 15.0


class Revocations:
    """Subjects, each with the instant up to which their tokens are refused.

    Who hears the channel refuses at once; who starts later, or lost its connection, reads the list. Redis may be lost
    with both: such a token then lives for what is left of its hour.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def publish(self, subject: str, at: datetime) -> None:
        """Have everybody refuse what was issued to `subject` at or before `at`. Raises RedisError."""
        instant, oldest = at.timestamp(), time.time() - LONGEST_LIFE
        async with self._redis.pipeline(transaction=True) as together:
            together.zadd(_LIST, {subject: instant}, gt=True)
            together.zremrangebyscore(_LIST, "-inf", oldest)
            together.expire(_LIST, int(LONGEST_LIFE))
            together.publish(_CHANNEL, orjson.dumps([subject, instant]))
            await together.execute()

    def listener(self, verifier: TokenVerifier) -> Job:
        """Return the job that keeps `verifier` informed."""

        async def listen(stop: asyncio.Event) -> None:
            async with self._redis.pubsub() as channel:
                await channel.subscribe(_CHANNEL)
                await channel.get_message(timeout=_LOOK_SECONDS)  # Redis has heard: nothing falls between
                kept: Any = await self._redis.zrange(_LIST, 0, -1, withscores=True)
                for subject, instant in kept:
                    verifier.revoke(subject.decode(), _moment(instant))
                while not stop.is_set():
                    message = await channel.get_message(ignore_subscribe_messages=True, timeout=_LOOK_SECONDS)
                    if message:
                        subject, instant = orjson.loads(message["data"])
                        verifier.revoke(subject, _moment(instant))

        return Job("token-revocations", listen)


def _moment(instant: float) -> datetime:
    return datetime.fromtimestamp(instant, UTC)
