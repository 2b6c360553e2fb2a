"""Removes what a reader deleted, 30 days later: the story, and the words that asked for it."""

from dataclasses import dataclass
from datetime import timedelta

from story_service.application.ports import Clock, StartWork

DELETED_KEPT = timedelta(days=30)
_PURGED_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class PurgeDeletedStories:
    """Usage, ledger and moderation decisions stay: they hold numbers and hashes, no text."""

    start_work: StartWork
    now: Clock

    async def __call__(self) -> bool:
        """Return whether there may be more."""
        async with self.start_work() as work:
            purged = await work.stories.purge_deleted(self.now() - DELETED_KEPT, _PURGED_AT_ONCE)
            await work.commit()
        return purged == _PURGED_AT_ONCE
