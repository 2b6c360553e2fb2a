"""Stops a generation at its reader's word; leaving the page is no such word."""

from dataclasses import dataclass

from story_service.application.close_generation import Closed, CloseGeneration
from story_service.application.detached import DetachedRuns
from story_service.application.kinds import Kinds, Output
from story_service.application.live import LiveGenerations
from story_service.application.ports import StartWork, Work
from story_service.domain.errors import AlreadyClosed, GenerationUnknown
from story_service.domain.generation import Generation, cancelled
from story_service.domain.ids import GenerationId, UserId
from story_service.domain.pricing import Usage, estimated_usage


@dataclass(frozen=True, slots=True)
class CancelGeneration:
    """Closes it at once, whichever process writes it: the fence keeps that one from adding a word."""

    start_work: StartWork
    close: CloseGeneration
    runs: DetachedRuns
    live: LiveGenerations
    kinds: Kinds

    async def __call__(self, user_id: UserId, generation_id: GenerationId) -> Generation:
        """Return it cancelled, with those that wait for it. Raises GenerationUnknown, AlreadyClosed."""
        async with self.start_work() as work:
            await work.usage.lock(user_id)
            generation = await work.generations.find(generation_id, lock=True)
            if generation is None or generation.user_id != user_id:
                raise GenerationUnknown
            waiting = await work.generations.waiting_for(generation) if generation.is_open else []
            closed = [await self._close(work, each) for each in (*reversed(waiting), generation)]
            await work.commit()
        for each in closed:
            self.runs.stop(each.generation.id)
            self.live.publish(each.generation.id, each.chunks)
        return closed[-1].generation

    async def _close(self, work: Work, generation: Generation) -> Closed:
        text = "".join(chunk.text for chunk in await work.generations.log(generation.id, 0))
        ending = cancelled(await self._delivered(work, generation, text) if text else None)
        closed = await self.close(work, generation, ending, Output(text)) if generation.is_open else None
        if closed is None:
            raise AlreadyClosed
        return closed

    async def _delivered(self, work: Work, generation: Generation, text: str) -> Usage:
        prompt = await self.kinds[generation.kind].prompt(work, generation)
        return estimated_usage(prompt.messages if prompt else (), text)
