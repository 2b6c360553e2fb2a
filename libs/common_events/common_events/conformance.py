"""For tests: each transport as the suite that all must pass sees it."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from common_events.envelope import Envelope
from common_events.transport import Delivery, Finished, Publisher, Resumable, Retaining


@dataclass(slots=True)
class Line:
    """The way to the broker, which may be cut."""

    is_cut: bool = False

    def check(self) -> None:
        """Raise ConnectionError while the broker is away."""
        if self.is_cut:
            raise ConnectionError("the broker is away")


class LinedPublisher:
    """A publisher at one end of a line."""

    def __init__(self, publisher: Publisher, line: Line) -> None:
        self._publisher, self._line = publisher, line

    async def publish(self, envelopes: Sequence[Envelope]) -> None:
        """Publish. Raises ConnectionError too."""
        self._line.check()
        await self._publisher.publish(envelopes)


class LinedRetaining(LinedPublisher):
    """A publisher that can tell what its transport lost, at one end of a line."""

    def __init__(self, publisher: Retaining, line: Line) -> None:
        super().__init__(publisher, line)
        self._retaining, self._way = publisher, line

    async def is_intact(self, source: str, relay: str) -> bool:
        """Tell whether the transport is as it was. Raises ConnectionError too."""
        self._way.check()
        return await self._retaining.is_intact(source, relay)

    async def open(self, source: str, relay: str, consumers: Collection[str]) -> None:
        """Take the transport as it is. Raises ConnectionError too."""
        self._way.check()
        await self._retaining.open(source, relay, consumers)

    async def consumers(self, source: str) -> set[str]:
        """Return who has a queue. Raises ConnectionError too."""
        self._way.check()
        return await self._retaining.consumers(source)

    async def finished(self, source: str) -> Finished:
        """Return what all are done with. Raises ConnectionError too."""
        self._way.check()
        return await self._retaining.finished(source)

    async def forget(self, source: str, finished: Finished) -> None:
        """Give back room. Raises ConnectionError too."""
        self._way.check()
        await self._retaining.forget(source, finished)


class LinedSubscription:
    """A subscription at one end of a line."""

    def __init__(self, subscription: Resumable, line: Line) -> None:
        self._subscription, self._line = subscription, line

    def resume(self) -> None:
        """Begin again with the unfinished."""
        self._subscription.resume()

    async def receive(self, *, wait_seconds: float) -> Sequence[Delivery]:
        """Receive. Raises ConnectionError too."""
        self._line.check()
        return await self._subscription.receive(wait_seconds=wait_seconds)

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge. Raises ConnectionError too."""
        self._line.check()
        await self._subscription.acknowledge(deliveries)


async def _outlived(_: Any) -> None:
    """A transport whose subscriptions do nothing by themselves has nothing to stop when their process dies."""


@dataclass(frozen=True, slots=True)
class Transport:
    """How to make the two ends of a transport, how to lose all it holds, and how a subscription's process dies.

    `restart` ends its server and starts it again, at the same address; it may come back empty. Where the server is
    not ours, every connection breaks instead. `many` is more than it hands out at once.
    """

    publisher: Callable[[], Publisher]
    subscription: Callable[[str], Resumable]
    restart: Callable[[], Awaitable[object]]
    lose: Callable[[], Awaitable[object]] | None = None
    die: Callable[[Any], Awaitable[None]] = _outlived
    many: int = 250
    line: Line = field(default_factory=Line)

    def lined_publisher(self) -> LinedPublisher:
        """Return a publisher whose broker can go away."""
        publisher = self.publisher()
        if isinstance(publisher, Retaining):
            return LinedRetaining(publisher, self.line)
        return LinedPublisher(publisher, self.line)

    def lined_subscription(self, consumer: str) -> LinedSubscription:
        """Return a subscription whose broker can go away."""
        return LinedSubscription(self.subscription(consumer), self.line)
