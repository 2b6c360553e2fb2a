"""What a reader has done here, and how much that is among all."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from story_service.application.ports import Clock
from story_service.domain.ids import UserId
from story_service.domain.stats import percentile

_FRESH = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted of a reader; tokens are weighted ones that were charged, over all time."""

    stories: int
    conversations: int
    messages: int
    tokens: int


class Statistics(Protocol):
    """Counts over everything."""

    async def of(self, user_id: UserId) -> Counts: ...

    async def bounds(self) -> Sequence[int]:
        """Return the 99 amounts of tokens that part readers into hundredths; nothing where nobody used any."""
        ...


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts, and the share of readers with fewer tokens."""

    counts: Counts
    percentile: int | None


@dataclass(slots=True)
class ReadStats:
    """The bounds of all readers are read once in ten minutes in a process: nobody waits for a sum over everybody."""

    statistics: Statistics
    now: Clock
    _bounds: Sequence[int] = field(default=(), init=False)
    _read_at: datetime | None = field(default=None, init=False)

    async def __call__(self, user_id: UserId) -> Stats:
        """Return a reader's own."""
        counts, now = await self.statistics.of(user_id), self.now()
        if self._read_at is None or now - self._read_at > _FRESH:
            self._read_at = now  # first: whoever comes meanwhile takes the old ones
            self._bounds = await self.statistics.bounds()
        return Stats(counts, percentile(counts.tokens, self._bounds))
