"""Events over Redis Streams: one stream per producing service, one consumer group per consumer.

An entry stays until every group has acknowledged it, and a while longer for a group that is being made
(docs/adr/0012-redis-may-be-lost.md). Whatever Redis raises, redis.RedisError, comes through to the caller.
"""

import contextlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from common_events.envelope import Envelope
from common_events.transport import Delivery, EventsLost, Finished, TransportFull

log = structlog.get_logger("events")
_BATCH = 100
_FINISHED_AT_ONCE = 1000
_KEPT_UNREAD = 1_000_000
_KEPT_MS = 600_000
_KEPT_FOR_NOBODY_MS = 24 * 3600 * 1000
_PUBLISH = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'lost' end
if redis.call('XLEN', KEYS[2]) + #ARGV - 2 > tonumber(ARGV[2]) then return 'full' end
for i = 3, #ARGV do redis.call('XADD', KEYS[2], '*', 'event', ARGV[i]) end
return 'ok'
"""


def stream_of(source: str) -> str:
    """Return the key of the stream that carries the events of a service."""
    return f"events:{source}"


class RedisPublisher:
    """Appends to the stream of each event's source; for a relay, only to the very Redis that the relay opened.

    `kept_unread` bounds a stream's length, and is at least twice what is published at once (500 by a relay):
    TransportFull rather than an event dropped. `kept_ms` is how long an entry
    stays, for a consumer still to come, though all known ones are done with it; in a stream that is half full, not at
    all.
    """

    def __init__(self, redis: Redis, *, kept_unread: int = _KEPT_UNREAD, kept_ms: int = _KEPT_MS) -> None:
        self._redis, self._kept_unread, self._kept_ms = redis, kept_unread, kept_ms
        self._mark: tuple[str, str] | None = None

    async def publish(self, envelopes: Sequence[Envelope]) -> None:
        """Append events in order; when this returns, Redis holds them all. Raises EventsLost, TransportFull."""
        by_stream: dict[str, list[bytes]] = {}
        for envelope in envelopes:
            by_stream.setdefault(stream_of(envelope.source), []).append(envelope.to_json())
        for stream, events in by_stream.items():
            if self._mark is None:
                await self._append(stream, events)
            else:
                await self._append_if_intact(stream, events, *self._mark)

    async def is_intact(self, source: str, relay: str) -> bool:
        """Tell whether this is the Redis that `relay` opened: neither flushed, nor restarted, nor another one."""
        mark, run = f"events-mark:{source}:{relay}", await self._run()
        if await self._redis.get(mark) != run.encode():
            return False
        self._mark = mark, run
        return True

    async def open(self, source: str, relay: str, consumers: Collection[str]) -> None:
        """Make the groups of `consumers` where they are missing, and mark this Redis as ours."""
        for consumer in consumers:
            await _make_group(self._redis, stream_of(source), consumer)
        self._mark = f"events-mark:{source}:{relay}", await self._run()
        await self._redis.set(*self._mark)

    async def consumers(self, source: str) -> set[str]:
        """Return the names of the stream's groups."""
        return {group["name"].decode() for group in await self._groups(source)}

    async def finished(self, source: str) -> Finished:
        """Return the stream's oldest entries that all groups have acknowledged, at most 1,000. Raises RedisError."""
        stream = stream_of(source)
        seconds, _ = await self._redis.time()
        groups = await self._groups(source)
        kept_ms = self._kept_ms if await self._redis.xlen(stream) <= self._kept_unread / 2 else min(self._kept_ms, 0)
        upto = seconds * 1000 - (kept_ms if groups else _KEPT_FOR_NOBODY_MS), 0
        for group in groups:
            upto = min(upto, await self._first_unfinished(stream, group))
        entries: Any = await self._redis.xrange(stream, max=f"({max(upto[0], 0)}-{upto[1]}", count=_FINISHED_AT_ONCE)
        if not entries:
            return Finished([], "")
        ids = [event_id for _, fields in entries if (event_id := _event_id(fields)) is not None]
        return Finished(ids, _text(_after(entries[-1][0])))

    async def forget(self, source: str, finished: Finished) -> None:
        """Drop the finished entries from the stream."""
        await self._redis.xtrim(stream_of(source), minid=finished.upto, approximate=False)

    async def _append(self, stream: str, events: Sequence[bytes]) -> None:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for event in events:
                pipeline.xadd(stream, {"event": event})
            await pipeline.execute()

    async def _append_if_intact(self, stream: str, events: Sequence[bytes], mark: str, run: str) -> None:
        done = await self._redis.eval(_PUBLISH, 2, mark, stream, run, str(self._kept_unread), *events)
        if done == b"lost":
            raise EventsLost(stream)
        if done == b"full":
            raise TransportFull(stream)

    async def _run(self) -> str:
        server: dict[str, Any] = await self._redis.info("server")
        return str(server["run_id"])

    async def _groups(self, source: str) -> list[dict[str, Any]]:
        try:
            groups: list[dict[str, Any]] = await self._redis.xinfo_groups(stream_of(source))
        except ResponseError:  # no such stream yet
            return []
        return groups

    async def _first_unfinished(self, stream: str, group: dict[str, Any]) -> tuple[int, int]:
        if group["pending"]:
            pending = await self._redis.xpending(stream, group["name"])
            if pending["min"]:
                return _place(pending["min"])
        return _after(group["last-delivered-id"])


class RedisSubscription:
    """The consumer group `consumer` over the streams of `sources`; `member` names this process in it.

    For one process at a time: whoever resumes takes over what the group's other members left unfinished.
    """

    def __init__(self, redis: Redis, consumer: str, sources: Sequence[str], member: str) -> None:
        self._redis, self._group, self._member = redis, consumer, member
        self._streams = [stream_of(source) for source in sources]
        self._outstanding: dict[str, set[str]] = {stream: set() for stream in self._streams}
        self.resume()

    def resume(self) -> None:
        """Let the next deliveries be what the group has unfinished, in order."""
        self._unclaimed = dict.fromkeys(self._streams, "0-0")
        self._is_grouped = False
        for outstanding in self._outstanding.values():
            outstanding.clear()

    async def receive(self, *, wait_seconds: float) -> Sequence[Delivery]:
        """Return what the group left unfinished, then what is new. Raises redis.RedisError: then `resume`."""
        try:
            await self._ensure_groups()
            while self._unclaimed:
                if claimed := await self._claim():
                    return claimed
            answer, unfinished = await self._read(max(1, int(wait_seconds * 1000)))
            if self._missed_something(answer, unfinished):
                self.resume()  # an earlier answer never came: what was in it comes first
                return []
            return await self._deliveries(answer)
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            self.resume()  # Redis came back empty
            return []

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Drop events from the group's list of unfinished ones."""
        by_stream: dict[str, list[str]] = {}
        for delivery in deliveries:
            by_stream.setdefault(stream_of(delivery.envelope.source), []).append(delivery.receipt)
        for stream, receipts in by_stream.items():
            await self._redis.xack(stream, self._group, *receipts)
            self._outstanding[stream].difference_update(receipts)

    async def _ensure_groups(self) -> None:
        if not self._is_grouped:
            for stream in self._streams:
                await _make_group(self._redis, stream, self._group)
            self._is_grouped = True

    async def _claim(self) -> list[Delivery]:
        stream, start = next(iter(self._unclaimed.items()))
        following, entries, *_ = await self._redis.xautoclaim(
            stream, self._group, self._member, min_idle_time=0, start_id=start, count=_BATCH
        )
        if following == b"0-0":
            del self._unclaimed[stream]
        else:
            self._unclaimed[stream] = following.decode()
        return await self._deliveries([[stream.encode(), entries]])

    async def _read(self, block_ms: int) -> tuple[Any, dict[str, int]]:
        """Return what is new, and how many entries each group then has unfinished, in one round trip."""
        ids: dict[Any, Any] = dict.fromkeys(self._streams, ">")
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.xreadgroup(self._group, self._member, ids, count=_BATCH, block=block_ms)
            for stream in self._streams:
                pipeline.xpending(stream, self._group)
            answer, *counts = await pipeline.execute()
        return answer, {stream: count["pending"] for stream, count in zip(self._streams, counts, strict=True)}

    def _missed_something(self, answer: Any, unfinished: Mapping[str, int]) -> bool:
        """Tell whether Redis once handed out more than what this process holds and what the answer brings."""
        new = {stream.decode(): len(entries) for stream, entries in _by_stream(answer)}
        return any(unfinished[stream] > len(held) + new.get(stream, 0) for stream, held in self._outstanding.items())

    async def _deliveries(self, answer: Any) -> list[Delivery]:
        deliveries = []
        for stream, entries in _by_stream(answer):
            for entry_id, fields in entries:
                try:
                    delivery = Delivery(Envelope.of(fields[b"event"]), entry_id.decode())
                except (ValueError, KeyError, TypeError) as error:
                    await self._put_aside(stream, entry_id, fields, type(error).__name__)
                else:
                    self._outstanding[stream.decode()].add(delivery.receipt)
                    deliveries.append(delivery)
        return deliveries

    async def _put_aside(self, stream: bytes, entry_id: bytes, fields: dict[bytes, bytes] | None, reason: str) -> None:
        """Keep what is no event where a person can find it, and go on."""
        log.error("unreadable event", stream=stream.decode(), entry=entry_id.decode(), reason=reason)
        if fields:
            kept: dict[Any, Any] = {**fields, "stream": stream, "entry": entry_id, "consumer": self._group}
            await self._redis.xadd("events-unreadable", kept, maxlen=1000)
        await self._redis.xack(stream, self._group, entry_id)


def _by_stream(answer: Any) -> Iterable[tuple[bytes, Any]]:
    """Return the entries by stream, in either shape that the client may give."""
    return answer.items() if isinstance(answer, dict) else answer or []


async def _make_group(redis: Redis, stream: str, group: str) -> None:
    with contextlib.suppress(ResponseError):  # BUSYGROUP: it exists
        await redis.xgroup_create(stream, group, id="0", mkstream=True)


def _event_id(fields: dict[bytes, bytes]) -> UUID | None:
    """Return the id of an entry's event, None for an entry that is no event: it shall not stop the relay."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return UUID(orjson.loads(fields[b"event"])["id"])
    return None


def _place(entry_id: bytes) -> tuple[int, int]:
    milliseconds, _, n = entry_id.partition(b"-")
    return int(milliseconds), int(n)


def _after(entry_id: bytes) -> tuple[int, int]:
    milliseconds, n = _place(entry_id)
    return milliseconds, n + 1


def _text(place: tuple[int, int]) -> str:
    return f"{place[0]}-{place[1]}"
