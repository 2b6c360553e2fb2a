"""Holds units of a meter: those of the plan first, then what was given on top, in the order in which that burns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from story_service.application.ports import UsageBook
from story_service.domain import ledger
from story_service.domain.access import Access
from story_service.domain.ids import UserId
from story_service.domain.usage import GrantReading, Line, Meter, exceeded, shared


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was taken from where, what each of these holds now, and what is left for the reader; None: no limit."""

    lines: list[tuple[Line, Meter]]
    remaining: int | None

    def postings(self) -> list[ledger.Posting]:
        """Return the movements, as they stand in the ledger."""
        return [posting(line, ledger.RESERVE, line.reserved, after) for line, after in self.lines]


async def draw(usage: UsageBook, user_id: UserId, line: Line, access: Access, now: datetime) -> Drawn:
    """Take the whole need in the caller's work, which has locked the reader's usage. Raises QuotaExceeded."""
    limit = access.limit(line.meter).amount
    holding = await usage.reserve(user_id, line, limit)
    if limit is None:
        assert holding is not None, "without a limit everything fits"
        return Drawn([(line, holding)], None)
    grants = await usage.burnt(access.grants_of(line.meter, now))
    free = sum(reading.free for reading in grants)
    if holding is not None:
        return Drawn([(line, holding)], limit - holding.used + free)
    held = await usage.holding(user_id, line.meter, line.window)
    parts = shared(line, limit - held.used, grants)
    if parts is None:
        raise exceeded(line, limit, held.used, now)
    taken = [(part, await _take(usage, user_id, part, limit)) for part in parts]
    return Drawn(taken, max(0, limit - held.used) + free - line.reserved)


async def _take(usage: UsageBook, user_id: UserId, part: Line, limit: int) -> Meter:
    holding = await usage.reserve(user_id, part, part.grant.amount if part.grant else limit)
    assert holding is not None, "nobody else touches a locked reader's usage"
    return holding


def posting(line: Line, kind: str, amount: int, after: Meter) -> ledger.Posting:
    """Return a movement of a line, and what its window or grant holds after it."""
    grant_id = line.grant.id if line.grant else None
    return ledger.Posting(line.meter, kind, amount, after.reserved, after.settled, grant_id)


def room(limit: int | None, held: Meter, grants: Sequence[GrantReading]) -> int | None:
    """Return what a reader has left of a meter, grants included; None where there is no limit."""
    return None if limit is None else max(0, limit - held.used) + sum(reading.free for reading in grants)
