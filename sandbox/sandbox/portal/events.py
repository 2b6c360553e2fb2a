"""The facts that services tell one another, as they pass: a look at the streams that joins no consumer group."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

_STREAMS = tuple(f"events:{source}" for source in ("user", "payment", "story", "admin"))
_RECENT = 15
_WAIT_MS = 5_000


class EventTail:
    """Reads the streams from their recent past on."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def follow(self, is_gone: Callable[[], Awaitable[bool]]) -> AsyncIterator[bytes]:
        """Yield server-sent events until the page is closed or Redis goes away."""
        try:
            recent, positions = await self._recent()
            for envelope in recent:
                yield _line(envelope)
            while not await is_gone():
                answer = await self._redis.xread(positions, count=50, block=_WAIT_MS)
                for stream, entries in _streams(answer):
                    for entry_id, fields in entries:
                        positions[stream.decode()] = entry_id
                        yield _line(orjson.loads(fields[b"event"]))
                yield b": ping\n\n"
        except RedisError:
            return  # the browser comes back by itself

    async def _recent(self) -> tuple[list[dict[str, Any]], dict[Any, Any]]:
        envelopes: list[dict[str, Any]] = []
        positions: dict[Any, Any] = {}
        for stream in _STREAMS:
            entries: Any = await self._redis.xrevrange(stream, count=_RECENT)
            positions[stream] = entries[0][0] if entries else "0"
            envelopes += [orjson.loads(fields[b"event"]) for _, fields in entries]
        return sorted(envelopes, key=lambda envelope: str(envelope["time"]))[-_RECENT:], positions


def _streams(answer: Any) -> list[tuple[bytes, list[Any]]]:
    if isinstance(answer, dict):
        return [(name, [entry for batch in batches for entry in batch]) for name, batches in answer.items()]
    return [(name, entries) for name, entries in answer or []]


def _line(envelope: dict[str, Any]) -> bytes:
    shown = {name: envelope.get(name) for name in ("id", "type", "source", "subject", "time", "data")}
    return b"data: " + orjson.dumps(shown) + b"\n\n"
