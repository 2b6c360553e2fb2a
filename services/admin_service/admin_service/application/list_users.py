"""Pages of people from the read model."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from admin_service.application.ports import Clock, Search, StartWork
from admin_service.domain.entry import UserEntry

TOKENS = "tokens.month"
_RECENT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ListedUser:
    """A person on a page, with the tokens of the last 30 days."""

    entry: UserEntry
    tokens_30d: int


@dataclass(frozen=True, slots=True)
class ListUsers:
    """Finds people by the beginning of their address or name, by plan and by state."""

    start_work: StartWork
    now: Clock

    async def __call__(self, search: Search) -> Sequence[ListedUser]:
        """Return one page, the newest people first."""
        async with self.start_work() as work:
            entries = await work.directory.find(search)
            ids = [entry.user_id for entry in entries]
            used = await work.usage.totals(ids, TOKENS, self.now() - _RECENT)
        return [ListedUser(entry, used.get(entry.user_id, 0)) for entry in entries]
