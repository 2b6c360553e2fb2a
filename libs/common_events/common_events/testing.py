"""For tests: a transport in memory that keeps every promise of the real ones, and can be hurt."""

import asyncio
import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from common_events.envelope import Envelope
from common_events.transport import Delivery, EventsLost, Finished


@dataclass(slots=True)
class _Group:
    read: int = 0
    pending: dict[int, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class MemoryBroker:
    """What stands in for the server: streams by source, groups by source and consumer."""

    streams: dict[str, dict[int, bytes]] = field(default_factory=dict)
    groups: dict[tuple[str, str], _Group] = field(default_factory=dict)
    marks: set[str] = field(default_factory=set)
    count: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def lose_everything(self) -> None:
        """Become empty, as Redis after FLUSHALL."""
        self.streams.clear()
        self.groups.clear()
        self.marks.clear()


class MemoryPublisher:
    """Publishes into a broker."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker, self._mark = broker, ""

    async def publish(self, envelopes: Sequence[Envelope]) -> None:
        """Append events in order. Raises EventsLost."""
        broker = self._broker
        if self._mark and self._mark not in broker.marks:
            raise EventsLost
        for envelope in envelopes:
            broker.count += 1
            broker.streams.setdefault(envelope.source, {})[broker.count] = envelope.to_json()
        broker.arrived.set()

    async def is_intact(self, source: str, relay: str) -> bool:
        """Tell whether the broker has lost nothing since `open`."""
        self._mark = f"{source}:{relay}"
        return self._mark in self._broker.marks

    async def open(self, source: str, relay: str, consumers: Collection[str]) -> None:
        """Take the broker as it is, with a group for each consumer."""
        for consumer in consumers:
            self._broker.groups.setdefault((source, consumer), _Group())
        self._mark = f"{source}:{relay}"
        self._broker.marks.add(self._mark)

    async def consumers(self, source: str) -> set[str]:
        """Return the names of the groups."""
        return {consumer for stream, consumer in self._broker.groups if stream == source}

    async def finished(self, source: str) -> Finished:
        """Return the events that all groups have acknowledged."""
        groups = [group for (stream, _), group in self._broker.groups.items() if stream == source]
        upto = min((min(group.pending, default=group.read + 1) for group in groups), default=0)
        events = self._broker.streams.get(source, {})
        done = [n for n in sorted(events) if n < upto]
        return Finished([Envelope.of(events[n]).id for n in done], str(upto) if done else "")

    async def forget(self, source: str, finished: Finished) -> None:
        """Drop finished events."""
        events = self._broker.streams[source]
        for n in [n for n in events if n < int(finished.upto)]:
            del events[n]


class MemorySubscription:
    """A group's view of some sources of a broker."""

    def __init__(self, broker: MemoryBroker, consumer: str, sources: Sequence[str]) -> None:
        self._broker, self._consumer, self._sources = broker, consumer, sources
        self._is_resuming = True

    def resume(self) -> None:
        """Let the next deliveries be the unfinished ones."""
        self._is_resuming = True

    async def receive(self, *, wait_seconds: float) -> Sequence[Delivery]:
        """Return what is unfinished after `resume`, then what is new."""
        if self._is_resuming:
            self._is_resuming = False
            unfinished = [_delivery(n, raw) for group in self._groups() for n, raw in sorted(group.pending.items())]
            if unfinished:
                return unfinished
        if not (new := self._new()):
            self._broker.arrived.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_seconds):
                    await self._broker.arrived.wait()
            new = self._new()
        return new

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Say that these are done for good."""
        for delivery in deliveries:
            group = self._broker.groups.get((delivery.envelope.source, self._consumer))
            if group is not None:
                group.pending.pop(int(delivery.receipt), None)

    def _groups(self) -> list[_Group]:
        return [self._broker.groups.setdefault((source, self._consumer), _Group()) for source in self._sources]

    def _new(self) -> list[Delivery]:
        deliveries = []
        for source, group in zip(self._sources, self._groups(), strict=True):
            for n, raw in sorted(self._broker.streams.get(source, {}).items()):
                if n > group.read:
                    group.read, group.pending[n] = n, raw
                    deliveries.append(_delivery(n, raw))
        return deliveries


def _delivery(n: int, raw: bytes) -> Delivery:
    return Delivery(Envelope.of(raw), str(n))
