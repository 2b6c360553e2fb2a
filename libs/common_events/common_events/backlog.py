"""Events held back because an earlier one of their key failed: others go on, these keep their order.

A poison message stops only its key (reliability.md, Outbox).
"""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from common_events.transport import Delivery


@dataclass(slots=True)
class _Queue:
    deliveries: deque[Delivery] = field(default_factory=deque)
    attempts: int = 0
    due_at: float = 0.0


class Backlog:
    """Queues by source and partition key; the head of each has failed and waits for its next attempt."""

    def __init__(self, pauses: Sequence[float]) -> None:
        self._pauses = pauses
        self._queues: dict[tuple[str, str], _Queue] = {}

    def __len__(self) -> int:
        return sum(len(queue.deliveries) for queue in self._queues.values())

    def holds_back(self, delivery: Delivery) -> bool:
        """Take a delivery into the queue of its key, if there is one, and tell so."""
        queue = self._queues.get(_key(delivery))
        if queue is not None:
            queue.deliveries.append(delivery)
        return queue is not None

    def failed(self, delivery: Delivery) -> int:
        """Note a failure, and return how many there were of this delivery."""
        queue = self._queues.setdefault(_key(delivery), _Queue())
        if not queue.deliveries:
            queue.deliveries.append(delivery)
        queue.attempts += 1
        if queue.attempts <= len(self._pauses):
            queue.due_at = time.monotonic() + self._pauses[queue.attempts - 1]
        return queue.attempts

    def settled(self, delivery: Delivery) -> None:
        """Let the next one of its key be tried, at once."""
        queue = self._queues.get(_key(delivery))
        if queue is None:
            return
        queue.deliveries.popleft()
        queue.attempts, queue.due_at = 0, 0.0
        if not queue.deliveries:
            del self._queues[_key(delivery)]

    def due(self) -> Delivery | None:
        """Return a delivery whose next attempt is due."""
        now = time.monotonic()
        return next((queue.deliveries[0] for queue in self._queues.values() if queue.due_at <= now), None)

    def seconds_to_next(self) -> float:
        """Return how many seconds until something is due, between 0.01 and 1."""
        soonest = min((queue.due_at for queue in self._queues.values()), default=float("inf"))
        return min(1.0, max(0.01, soonest - time.monotonic()))


def _key(delivery: Delivery) -> tuple[str, str]:
    return delivery.envelope.source, delivery.envelope.partition_key
