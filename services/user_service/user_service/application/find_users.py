"""Pages of profiles for other services."""

from collections.abc import Sequence
from dataclasses import dataclass

from user_service.application.ports import Search, StartWork
from user_service.domain.profile import Profile


@dataclass(frozen=True, slots=True)
class FindUsers:
    """Finds profiles by address or status."""

    start_work: StartWork

    async def __call__(self, search: Search) -> Sequence[Profile]:
        """Return the profiles of one page, in the order of their ids."""
        async with self.start_work() as work:
            return await work.profiles.find(search)
