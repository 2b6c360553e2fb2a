"""For tests: each transport as the suite that all must pass sees it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from common_events.envelope import Envelope
from common_events.transport import Delivery, Publisher, Resumable


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


def _outlived(_: Any) -> None:
    """A transport whose subscriptions do nothing by themselves has nothing to stop when their process dies."""


@dataclass(frozen=True, slots=True)
class Transport:
    """How to make the two ends of a transport, how to lose all it holds, and how a subscription's process dies.

    `many` is more than it hands out at once.
    """

    publisher: Callable[[], Publisher]
    subscription: Callable[[str], Resumable]
    lose: Callable[[], Awaitable[object]] | None = None
    die: Callable[[Any], None] = _outlived
    many: int = 250
    line: Line = field(default_factory=Line)

    def lined_publisher(self) -> LinedPublisher:
        """Return a publisher whose broker can go away."""
        return LinedPublisher(self.publisher(), self.line)

    def lined_subscription(self, consumer: str) -> LinedSubscription:
        """Return a subscription whose broker can go away."""
        return LinedSubscription(self.subscription(consumer), self.line)
