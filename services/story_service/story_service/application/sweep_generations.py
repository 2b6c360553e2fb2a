"""Takes up what a dead process left: starts, tries again, or closes, by the table of 9.2."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from story_service.application.close_generation import CloseGeneration
from story_service.application.detached import DetachedRuns
from story_service.application.kinds import Output
from story_service.application.live import LiveGenerations
from story_service.application.ports import Clock, StartWork
from story_service.domain.generation import CHUNKS_KEPT, Ending, Generation, State, lost

log = logging.getLogger("story")
_GRACE = timedelta(seconds=3)  # in which the process that accepted starts the run itself
_MOST = 50
_MOST_RUNNING = 32
_PURGED_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class SweepGenerations:
    """One pass over the open generations that nobody works at."""

    start_work: StartWork
    close: CloseGeneration
    runs: DetachedRuns
    live: LiveGenerations
    now: Clock

    async def __call__(self) -> int:
        """Return how many were closed or given back; what is to be written starts here."""
        now = self.now()
        async with self.start_work() as work:
            found = await work.generations.unattended(now, grace=now - _GRACE, most=_MOST)
        return sum([await self._guarded(generation) for generation in found])

    async def _guarded(self, generation: Generation) -> bool:
        try:
            return await self._take_up(generation)
        except Exception:  # a supervising loop: what cannot be closed must not hold the money of the others
            log.exception("generation not swept", extra={"generation_id": str(generation.id)})
            return False

    async def _take_up(self, generation: Generation) -> bool:
        ending = lost(generation, self.now())
        if ending is not None:
            return await self._end(generation, ending)
        if generation.state is State.FINISHING:
            return False
        if generation.state is State.RUNNING and not await self._give_back(generation):
            return False
        if len(self.runs) < _MOST_RUNNING:
            self.runs.start(generation.id, generation.priority)
        return generation.state is State.RUNNING

    async def _end(self, generation: Generation, ending: Ending) -> bool:
        async with self.start_work() as work:
            text = "".join(chunk.text for chunk in await work.generations.log(generation.id, 0))
            closed = await self.close(work, generation, ending, Output(text))
            if closed is None:
                return False
            await work.commit()
        self.live.publish(generation.id, closed.chunks)
        if closed.following:
            self.runs.start(closed.following)
        return True

    async def _give_back(self, generation: Generation) -> bool:
        async with self.start_work() as work:
            given = await work.generations.requeue(generation)
            await work.commit()
        return given


@dataclass(frozen=True, slots=True)
class PurgeLogs:
    """Removes the event logs of generations that closed a day ago; their stories hold the text."""

    start_work: StartWork
    now: Clock

    async def __call__(self) -> int:
        """Return how many logs went."""
        async with self.start_work() as work:
            purged = await work.generations.purge_logs(self.now() - CHUNKS_KEPT, _PURGED_AT_ONCE)
            await work.commit()
        return purged
