"""Stops what is being written for somebody whom the house has suspended, as their own word would."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from story_service.application.ports import Work
from story_service.application.stop_generation import StopGeneration
from story_service.domain.ids import UserId

_AT_ONCE = 200
_HEARD = timedelta(minutes=1)
"""By then every gate has heard of it: who has something written later has been let in again."""


@dataclass(frozen=True, slots=True)
class StopSuspended:
    """Part of the caller's work: the caller commits. Other processes find their fences old."""

    stop: StopGeneration

    async def __call__(self, work: Work, user_id: UserId, since: datetime) -> int:
        """Return how many were stopped: the newest first, as what waits comes after what it waits for."""
        await work.usage.lock(user_id)
        stopped = 0
        for recent in await work.generations.recent_of(user_id, _AT_ONCE):
            if not recent.is_open or recent.created_at > since + _HEARD:
                continue
            generation = await work.generations.find(recent.id, lock=True)
            if generation and generation.is_open:
                stopped += len(await self.stop(work, generation))
        return stopped
