"""What a worker does for the catalog now and then."""

from dataclasses import dataclass
from datetime import timedelta

from story_service.application.ports import Clock, StartWork

_AT_ONCE = 1000
_KEPT = timedelta(days=1)  # long enough for every process to learn that an entry is gone


@dataclass(frozen=True, slots=True)
class CountViews:
    """Carries how often stories were read into their popularity, not at every reading."""

    start_work: StartWork
    now: Clock

    async def __call__(self) -> bool:
        """Return whether there may be more."""
        async with self.start_work() as work:
            changed = await work.catalog.count_views(self.now(), _AT_ONCE)
            await work.commit()
        return changed == _AT_ONCE


@dataclass(frozen=True, slots=True)
class ForgetRemovedEntries:
    """Removes for good what is listed no more."""

    start_work: StartWork
    now: Clock

    async def __call__(self) -> bool:
        """Return whether there may be more."""
        async with self.start_work() as work:
            gone = await work.catalog.forget_removed(self.now() - _KEPT, _AT_ONCE)
            await work.commit()
        return gone == _AT_ONCE
