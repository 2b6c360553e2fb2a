"""What the erasure of a reader needs from outside."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, Self

from story_service.application.ports import Work
from story_service.domain.ids import UserId


class Erasures(Protocol):
    """Readers who are being erased, and what they left."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Name what a reader may have left, in the order in which it has to go."""
        ...

    async def waiting(self) -> UserId | None:
        """Return whose erasure waited longest, locked, so that no other process works on it."""
        ...

    async def erase(self, user_id: UserId, part: str, now: datetime, most: int) -> int:
        """Remove one batch of a part, or take the person out of it; return how much."""
        ...

    async def count(self, user_id: UserId, part: str, count: int) -> None:
        """Add to what was erased of a part."""
        ...

    async def done(self, user_id: UserId, now: datetime) -> None:
        """Note that nothing is left."""
        ...


class ErasureWork(Work, Protocol):
    """One transaction that reaches erasures too."""

    erasures: Erasures

    async def __aenter__(self) -> Self: ...


StartErasureWork = Callable[[], ErasureWork]
