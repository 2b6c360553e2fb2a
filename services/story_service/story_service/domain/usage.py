"""Meters and their windows: nothing is ever reset, a new window simply begins."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from story_service.domain.access import Access, Limit
from story_service.domain.errors import QuotaExceeded

STORIES = "stories.day"
CHATS = "chats.day"
TOKENS = "tokens.month"
PREMIUM_CALLS = "premium.month"
CONCURRENT = "concurrent.generations"
RETAINED = "stories.retained"
_RETRY_SOON = 5  # seconds: nobody knows when one of those that run will end


@dataclass(frozen=True, slots=True)
class Window:
    """The time over which a meter counts."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Meter:
    """What one window of a meter holds."""

    reserved: int = 0
    settled: int = 0

    @property
    def used(self) -> int:
        """What a limit is compared with."""
        return self.reserved + self.settled


@dataclass(frozen=True, slots=True)
class Line:
    """An amount of one meter in one window that a generation holds, or what it was settled at."""

    meter: str
    window: Window
    reserved: int
    settled: int | None = None


@dataclass(frozen=True, slots=True)
class MeterReading:
    """One meter as its reader sees it."""

    meter: str
    limit: Limit
    now: Meter
    window: Window | None

    @property
    def remaining(self) -> int | None:
        """What is left; None where there is no limit."""
        return None if self.limit.amount is None else max(0, self.limit.amount - self.now.used)


def window_of(kind: str, access: Access, now: datetime) -> Window:
    """Return the window of a kind that `now` lies in: UTC days; billing periods, else UTC months."""
    if kind == "day":
        start = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return Window(start, start + timedelta(days=1))
    if access.period and access.period[0] <= now < access.period[1]:
        return Window(*access.period)
    start = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return Window(start, (start + timedelta(days=32)).replace(day=1))


def demand_turn(access: Access, running: int, now: datetime) -> None:
    """Raise QuotaExceeded where as many generations run as the plan allows at once."""
    limit = access.limit(CONCURRENT).amount
    if limit is not None and running >= limit:
        raise QuotaExceeded(CONCURRENT, limit, running, now + timedelta(seconds=_RETRY_SOON), _RETRY_SOON)


def exceeded(line: Line, limit: int, used: int, now: datetime) -> QuotaExceeded:
    """Return the refusal of a line that does not fit."""
    wait = max(1, int((line.window.end - now).total_seconds()))
    return QuotaExceeded(line.meter, limit, used, line.window.end, wait)
