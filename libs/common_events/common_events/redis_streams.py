"""Events over Redis Streams: one stream per producing service, one consumer group per consumer."""

import contextlib
from collections.abc import Sequence
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from common_events.envelope import Envelope
from common_events.transport import Delivery

log = structlog.get_logger("events")
_BATCH = 100
_ABANDONED_MS = 30_000


def stream_of(source: str) -> str:
    """Return the key of the stream that carries the events of a service."""
    return f"events:{source}"


class RedisPublisher:
    """Appends to the stream of each event's source, pipelined."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def publish(self, envelopes: Sequence[Envelope]) -> None:
        """Append events in order; when this returns, Redis holds them all."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for envelope in envelopes:
                pipeline.xadd(stream_of(envelope.source), {"event": envelope.to_json()})
            await pipeline.execute()


class RedisSubscription:
    """The consumer group `consumer` over the streams of `sources`; `member` names this process in it."""

    def __init__(self, redis: Redis, consumer: str, sources: Sequence[str], member: str) -> None:
        self._redis, self._group, self._member = redis, consumer, member
        self._streams = [stream_of(source) for source in sources]
        self._unfinished = dict.fromkeys(self._streams, "0")
        self._grouped = False

    async def receive(self, *, wait_seconds: float) -> Sequence[Delivery]:
        """Return this member's own unfinished events first, then abandoned ones, then new ones."""
        try:
            await self._ensure_groups()
            if mine := await self._own_unfinished():
                return mine
            if abandoned := await self._claim_abandoned():
                return abandoned
            ids: dict[Any, Any] = dict.fromkeys(self._streams, ">")
            block = max(1, int(wait_seconds * 1000))
            return self._deliveries(
                await self._redis.xreadgroup(self._group, self._member, ids, count=_BATCH, block=block)
            )
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            self._grouped = False  # Redis came back empty
            return []

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Drop events from the group's list of unfinished ones."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for delivery in deliveries:
                pipeline.xack(stream_of(delivery.envelope.source), self._group, delivery.receipt)
            await pipeline.execute()

    async def _ensure_groups(self) -> None:
        if self._grouped:
            return
        for stream in self._streams:
            with contextlib.suppress(ResponseError):  # BUSYGROUP: it exists
                await self._redis.xgroup_create(stream, self._group, id="0", mkstream=True)
        self._unfinished = dict.fromkeys(self._streams, "0")
        self._grouped = True

    async def _own_unfinished(self) -> list[Delivery]:
        """Read what this member received before it was restarted under the same name."""
        if not self._unfinished:
            return []
        ids: dict[Any, Any] = dict(self._unfinished)
        found = self._deliveries(await self._redis.xreadgroup(self._group, self._member, ids, count=_BATCH))
        self._unfinished = {stream_of(d.envelope.source): d.receipt for d in found}
        return found

    async def _claim_abandoned(self) -> list[Delivery]:
        for stream in self._streams:
            _, entries, *_ = await self._redis.xautoclaim(
                stream, self._group, self._member, _ABANDONED_MS, count=_BATCH
            )
            if claimed := self._deliveries([[stream, entries]]):
                return claimed
        return []

    def _deliveries(self, answer: Any) -> list[Delivery]:
        streams = answer.items() if isinstance(answer, dict) else answer or []
        return [
            Delivery(Envelope.of(fields[b"event"]), entry_id.decode())
            for _, entries in streams
            for entry_id, fields in entries
            if fields
        ]
