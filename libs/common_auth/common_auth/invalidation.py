"""Tells every process with a gate that somebody's access changed: one worker consumes the event, all hear of it."""

import asyncio
from uuid import UUID

import orjson
from redis.asyncio import Redis

from common_auth.gate import AccessGate
from common_auth.shared_access import CHANNEL, announce
from common_service.jobs import Job


class AccessInvalidations:
    """A Redis channel of (user, version). A lost message costs at most the gate's own time to live."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def publish(self, user_id: UUID, version: int) -> None:
        """Make every listening gate, and what gates share, forget what is older than `version`. Raises RedisError."""
        await announce(self._redis, user_id, version, orjson.dumps([str(user_id), version]))

    def listener(self, gate: AccessGate) -> Job:
        """Return the job that keeps `gate` informed. It raises RedisError, to be supervised."""

        async def listen(stop: asyncio.Event) -> None:
            async with self._redis.pubsub() as channel:
                await channel.subscribe(CHANNEL)
                while not stop.is_set():
                    message = await channel.get_message(ignore_subscribe_messages=True, timeout=1.0)
                    if message:
                        user_id, version = orjson.loads(message["data"])
                        gate.invalidate(UUID(user_id), version)

        return Job("access-invalidations", listen)
