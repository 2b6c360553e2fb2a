"""Meters and their windows: nothing is ever reset, a new window simply begins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from story_service.domain.access import Access, Limit
from story_service.domain.errors import QuotaExceeded
from story_service.domain.grants import Grant

STORIES = "stories.day"
CHATS = "chats.day"
TOKENS = "tokens.month"
PREMIUM_CALLS = "premium.month"
CONCURRENT = "concurrent.generations"
RETAINED = "stories.retained"
WINDOWED = frozenset({"day", "period"})
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
    """An amount of one meter in one window, or of one grant, that a generation holds, or what it was settled at.

    The window of a grant is the time for which it counts.
    """

    meter: str
    window: Window
    reserved: int
    settled: int | None = None
    grant: Grant | None = None


@dataclass(frozen=True, slots=True)
class GrantReading:
    """A grant, and what is held and used of it."""

    grant: Grant
    now: Meter

    @property
    def free(self) -> int:
        """What can still be taken."""
        return max(0, self.grant.amount - self.now.used)


@dataclass(frozen=True, slots=True)
class MeterReading:
    """One meter as its reader sees it."""

    meter: str
    limit: Limit
    now: Meter
    window: Window | None
    grants: tuple[GrantReading, ...] = ()

    @property
    def remaining(self) -> int | None:
        """What is left of the window; None where there is no limit."""
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


def shared(line: Line, room: int, grants: Sequence[GrantReading]) -> list[Line] | None:
    """Share a need among its window, which has `room`, and grants, in their order; None where that is too little."""
    parts, rest = [], line.reserved
    if taken := min(max(0, room), rest):
        parts.append(replace(line, reserved=taken))
        rest -= taken
    for reading in grants:
        if taken := min(reading.free, rest):
            grant = reading.grant
            parts.append(Line(line.meter, Window(grant.effective_at, grant.expires_at), taken, grant=grant))
            rest -= taken
    return None if rest else parts


def charged(lines: Sequence[Line], charges: Mapping[str, int]) -> list[Line]:
    """Charge each meter's amount to its lines in their order, so that what was taken last is given back first."""
    rest, settled = dict(charges), []
    for line in lines:
        part = min(line.reserved, rest.get(line.meter, 0))
        rest[line.meter] = rest.get(line.meter, 0) - part
        settled.append(replace(line, settled=part))
    return settled


def demand_turn(access: Access, running: int, now: datetime) -> None:
    """Raise QuotaExceeded where as many generations run as the plan allows at once."""
    limit = access.limit(CONCURRENT).amount
    if limit is not None and running >= limit:
        raise QuotaExceeded(CONCURRENT, limit, running, now + timedelta(seconds=_RETRY_SOON), _RETRY_SOON)


def exceeded(line: Line, limit: int, used: int, now: datetime) -> QuotaExceeded:
    """Return the refusal of a line that does not fit."""
    wait = max(1, int((line.window.end - now).total_seconds()))
    return QuotaExceeded(line.meter, limit, used, line.window.end, wait)
