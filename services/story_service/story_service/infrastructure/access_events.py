"""What payment_service tells of somebody's access reaches the gates of every process."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from common_events.envelope import Envelope
from common_events.handlers import AfterCommit

ACCESS_CHANGED = "access.changed"
SOURCES = ("payment", "user")  # of all that this service hears


class Invalidations(Protocol):
    """What makes gates forget."""

    async def publish(self, user_id: UUID, version: int) -> None:
        """Make every gate forget what is older."""
        ...


@dataclass(frozen=True, slots=True)
class AccessChanged:
    """As much of payment's fact as matters here."""

    user_id: UUID
    version: int


def forgetting(invalidations: Invalidations) -> AfterCommit:
    """Return the handler: it changes nothing here but what gates remember, so repeating it is harmless.

    A word that is given up costs what a lost one costs: gates believe what they know for its time, 30 s at the most.
    """

    async def forget(envelope: Envelope) -> None:
        changed = AccessChanged(UUID(envelope.data["user_id"]), int(envelope.data["version"]))
        await invalidations.publish(changed.user_id, changed.version)

    return AfterCommit(forget)
