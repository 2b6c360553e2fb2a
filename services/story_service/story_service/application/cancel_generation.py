"""Stops a generation at its reader's word; leaving the page is no such word."""

from dataclasses import dataclass

from story_service.application.detached import DetachedRuns
from story_service.application.live import LiveGenerations
from story_service.application.ports import StartWork
from story_service.application.stop_generation import StopGeneration
from story_service.domain.errors import GenerationUnknown
from story_service.domain.generation import Generation
from story_service.domain.ids import GenerationId, UserId


@dataclass(frozen=True, slots=True)
class CancelGeneration:
    """Closes it at once, whichever process writes it: the fence keeps that one from adding a word."""

    start_work: StartWork
    stop: StopGeneration
    runs: DetachedRuns
    live: LiveGenerations

    async def __call__(self, user_id: UserId, generation_id: GenerationId) -> Generation:
        """Return it cancelled, with those that wait for it. Raises GenerationUnknown, AlreadyClosed."""
        async with self.start_work() as work:
            await work.usage.lock(user_id)
            generation = await work.generations.find(generation_id, lock=True)
            if generation is None or generation.user_id != user_id:
                raise GenerationUnknown
            closed = await self.stop(work, generation)
            await work.commit()
        for each in closed:
            self.runs.stop(each.generation.id)
            self.live.publish(each.generation.id, each.chunks)
        return closed[-1].generation
