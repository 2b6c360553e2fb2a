"""What a reader has used of what the plan includes."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from story_service.application.ports import Clock, StartWork, Subscriptions, Totals, Work
from story_service.domain.access import Access
from story_service.domain.generation import Generation, Trouble
from story_service.domain.ids import UserId
from story_service.domain.ledger import Head
from story_service.domain.usage import CONCURRENT, WINDOWED, Meter, MeterReading, window_of

_RECENT = 20


@dataclass(frozen=True, slots=True)
class UsageReport:
    """The meters of a plan as they stand."""

    access: Access
    meters: list[MeterReading]
    head: Head


@dataclass(frozen=True, slots=True)
class UserUsage:
    """The same for an admin, with what the reader had written. No text."""

    report: UsageReport
    totals: Totals
    generations: list[Generation]


@dataclass(frozen=True, slots=True)
class ReadUsage:
    """Reads the windows that count now; what was never used has none and stands at zero."""

    start_work: StartWork
    subscriptions: Subscriptions
    now: Clock

    async def __call__(self, user_id: UserId) -> UsageReport:
        """Return the reader's own view."""
        access = await self.subscriptions.access(user_id)
        async with self.start_work() as work:
            return await self._report(work, user_id, access)

    async def in_full(self, user_id: UserId) -> UserUsage:
        """Return an admin's view."""
        access = await self.subscriptions.access(user_id)
        async with self.start_work() as work:
            report = await self._report(work, user_id, access)
            totals = await work.generations.totals_of(user_id)
            return UserUsage(report, totals, await work.generations.recent_of(user_id, _RECENT))

    async def troubled(self, trouble: Trouble, *, before: tuple[datetime, UUID] | None, most: int) -> list[Generation]:
        """Return generations of anybody that are stuck, or that failed, the newest first."""
        async with self.start_work() as work:
            return await work.generations.troubled(trouble, self.now(), before=before, most=most)

    async def _report(self, work: Work, user_id: UserId, access: Access) -> UsageReport:
        now = self.now()
        windows = {m: window_of(lim.window, access, now) for m, lim in access.limits.items() if lim.window in WINDOWED}
        held = await work.usage.holdings(user_id, windows)
        if CONCURRENT in access.limits:
            held[CONCURRENT] = Meter(await work.generations.open_of(user_id))
        burnt = await work.usage.burnt([grant for grant in access.grants if grant.meter in held and grant.counts(now)])
        readings = [
            MeterReading(
                meter,
                access.limit(meter),
                held[meter],
                windows.get(meter),
                tuple(reading for reading in burnt if reading.grant.meter == meter),
            )
            for meter in sorted(held)
        ]
        return UsageReport(access, readings, await work.usage.head(user_id))
