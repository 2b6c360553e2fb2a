"""What carries events between services. Redis Streams here; SNS and SQS take the same place in AWS."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable
from uuid import UUID

from common_events.envelope import Envelope


class EventsLost(Exception):
    """The transport is not the one that was opened: what it held and nobody consumed may be gone."""


class TransportFull(Exception):
    """The transport holds as many unread events as it may: wait, rather than drop one."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event handed to a consumer, and the receipt that says it is done."""

    envelope: Envelope
    receipt: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Events that every consumer is done with, and the place in the transport up to which that holds, "" for none."""

    event_ids: Sequence[UUID]
    upto: str


class Publisher(Protocol):
    """Takes events, in order."""

    async def publish(self, envelopes: Sequence[Envelope]) -> None:
        """Hand over events; when this returns, the transport holds them all.

        Raises EventsLost and TransportFull where the transport is Retaining, and what its client raises.
        """
        ...


@runtime_checkable
class Retaining(Publisher, Protocol):
    """A publisher whose transport may lose all it holds, and which can tell what has been consumed.

    Every method raises what the transport's client raises.
    """

    async def is_intact(self, source: str, relay: str) -> bool:
        """Tell whether the transport still is the one that `relay` opened, and publish only while it is."""
        ...

    async def open(self, source: str, relay: str, consumers: Collection[str]) -> None:
        """Take the transport as it is now, with a queue for each of `consumers`."""
        ...

    async def consumers(self, source: str) -> set[str]:
        """Return who has a queue of the events of `source`."""
        ...

    async def finished(self, source: str) -> Finished:
        """Return some events that every consumer is done with."""
        ...

    async def forget(self, source: str, finished: Finished) -> None:
        """Give back the room of finished events."""
        ...


class Subscription(Protocol):
    """One consumer's view of the events: each arrives at least once, those of one source in order."""

    async def receive(self, *, wait_seconds: float) -> Sequence[Delivery]:
        """Return what is there, waiting `wait_seconds` for the first. Raises what the client raises: then resume."""
        ...

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Say that these are done for good. Raises what the client raises: then they may come again."""
        ...


@runtime_checkable
class Resumable(Subscription, Protocol):
    """A subscription that can begin again with all that this consumer, in whatever process, left unfinished."""

    def resume(self) -> None:
        """Let the next deliveries be the unfinished ones, in order."""
        ...
