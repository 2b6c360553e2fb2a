"""The facts that services tell one another, as they pass: a look at the streams that joins no consumer group."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import Any

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

_STREAMS = tuple(f"events:{source}" for source in ("user", "payment", "story", "admin"))
_SHOWN = ("id", "type", "source", "subject", "time", "data")
_RECENT = 15
_WAIT_MS = 5_000
_AWAY, _BACK = b"event: bus\ndata: away\n\n", b"event: bus\ndata: back\n\n"
_PING = b": ping\n\n"

Entries = Iterable[tuple[bytes, dict[bytes, bytes]]]


class EventTail:
    """Reads the streams from their recent past on, and outlives a bus that goes away and comes back."""

    def __init__(self, redis: Redis, *, wait_ms: int = _WAIT_MS, patience: float = 1.0) -> None:
        self._redis, self._wait_ms, self._patience = redis, wait_ms, patience

    async def follow(self, is_gone: Callable[[], Awaitable[bool]]) -> AsyncGenerator[bytes, None]:
        """Yield server-sent events until the page is closed. What came while the bus was away comes afterwards."""
        positions: dict[Any, Any] = {}
        is_away = False
        yield _PING  # the page learns that it is connected
        while not await is_gone():
            try:
                lines = await self._next(positions)
            except RedisError:
                if not is_away:
                    yield _AWAY
                is_away = True
                await asyncio.sleep(self._patience)
                continue
            if is_away:
                yield _BACK
            is_away = False
            for line in lines:
                yield line
            yield _PING

    async def _next(self, positions: dict[Any, Any]) -> list[bytes]:
        if not positions:
            return await self._recent(positions)
        answer = await self._redis.xread(positions, count=50, block=self._wait_ms)
        lines: list[bytes] = []
        for stream, entries in _streams(answer):
            positions[stream.decode()] = entries[-1][0]
            lines += map(_line, _envelopes(entries))
        return lines

    async def _recent(self, positions: dict[Any, Any]) -> list[bytes]:
        envelopes: list[dict[str, Any]] = []
        ends: dict[str, Any] = {}
        for stream in _STREAMS:
            entries: Any = await self._redis.xrevrange(stream, count=_RECENT)
            ends[stream] = entries[0][0] if entries else "0"
            envelopes += _envelopes(entries)
        positions.update(ends)
        return list(map(_line, sorted(envelopes, key=lambda envelope: str(envelope.get("time")))[-_RECENT:]))


def _streams(answer: Any) -> list[tuple[bytes, list[Any]]]:
    """Return what came, by stream: the client answers in the shape of the protocol's second or third version."""
    if isinstance(answer, dict):
        return [(name, [entry for batch in batches for entry in batch]) for name, batches in answer.items()]
    return [(name, entries) for name, entries in answer or []]


def _envelopes(entries: Entries) -> list[dict[str, Any]]:
    """Return the facts among the entries; what is none of ours is passed over."""
    found = []
    for _, fields in entries:
        try:
            envelope = orjson.loads(fields.get(b"event", b""))
        except orjson.JSONDecodeError:
            continue
        if isinstance(envelope, dict):
            found.append(envelope)
    return found


def _line(envelope: dict[str, Any]) -> bytes:
    shown = {name: envelope.get(name) for name in _SHOWN}
    return b"data: " + orjson.dumps(shown) + b"\n\n"
