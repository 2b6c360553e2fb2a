"""The time machine: what a person could do then, and which webhook, admin or timer caused it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from payment_service.application.access_ports import PastVersion, Span
from payment_service.application.ports import Clock, StartWork
from payment_service.application.read_access import ReadAccess
from payment_service.domain.access import first_access
from payment_service.domain.errors import HistoryNotYet
from payment_service.domain.ids import UserId

_INSTANT = timedelta(microseconds=1)
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ReadHistory:
    """Answers from the versions alone: each is in force from its own instant until that of the next."""

    start_work: StartWork
    now: Clock
    read_access: ReadAccess

    async def at(self, user_id: UserId, instant: datetime) -> PastVersion:
        """Return the version in force then. Raises HistoryNotYet.

        Before the first version a person had the default plan, as it was then.
        """
        if instant > self.now():
            raise HistoryNotYet
        await self.read_access(user_id)  # an edge that nobody has drawn yet belongs to the history
        then = max(instant, _BEGINNING).astimezone(UTC)
        async with self.start_work() as work:
            found = await work.accesses.history(user_id, Span(then, then + _INSTANT), 1)
            if found:
                return found[0]
            first = await work.accesses.history(user_id, Span(before_version=2), 1)
            catalogue = await work.plans.catalogue(then)
        return PastVersion(first_access(user_id, catalogue, then), first[0].version.valid_from if first else None)

    async def page(self, user_id: UserId, span: Span, limit: int) -> tuple[Sequence[PastVersion], bool]:
        """Return the versions in force within a span, youngest first, and whether there are more."""
        await self.read_access(user_id)
        async with self.start_work() as work:
            found = await work.accesses.history(user_id, span, limit + 1)
        return found[:limit], len(found) > limit
