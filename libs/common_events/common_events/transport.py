"""What carries events between services. Redis Streams here; SNS and SQS take the same place in AWS."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from common_events.envelope import Envelope


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event handed to a consumer, and the receipt that says it is done."""

    envelope: Envelope
    receipt: str


class Publisher(Protocol):
    """Takes events, in order."""

    async def publish(self, envelopes: Sequence[Envelope]) -> None:
        """Hand over events; when this returns, the transport holds them all."""
        ...


class Subscription(Protocol):
    """One consumer's view of the events: each arrives at least once."""

    async def receive(self, *, wait_seconds: float) -> Sequence[Delivery]:
        """Return what is there, waiting a while for the first. Also what an earlier consumer left unfinished."""
        ...

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Say that these are done for good."""
        ...
