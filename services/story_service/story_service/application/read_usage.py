"""What a reader has used of what the plan includes."""

from dataclasses import dataclass

from story_service.application.ports import Clock, StartWork, Subscriptions, Totals, Work
from story_service.domain.access import Access, Limit
from story_service.domain.generation import Generation
from story_service.domain.ids import UserId
from story_service.domain.usage import CONCURRENT, Meter, MeterReading, window_of

_WINDOWED = frozenset({"day", "period"})
_RECENT = 20


@dataclass(frozen=True, slots=True)
class UsageReport:
    """The meters of a plan as they stand."""

    access: Access
    meters: list[MeterReading]


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

    async def _report(self, work: Work, user_id: UserId, access: Access) -> UsageReport:
        readings = [
            await self._reading(work, user_id, access, meter, limit)
            for meter, limit in sorted(access.limits.items())
            if limit.window in _WINDOWED or meter == CONCURRENT
        ]
        return UsageReport(access, readings)

    async def _reading(self, work: Work, user_id: UserId, access: Access, meter: str, limit: Limit) -> MeterReading:
        if limit.window not in _WINDOWED:
            return MeterReading(meter, limit, Meter(await work.generations.open_of(user_id)), None)
        window = window_of(limit.window, access, self.now())
        return MeterReading(meter, limit, await work.usage.holding(user_id, meter, window), window)
