"""Stops a generation at its reader's word; leaving the page is no such word."""

from dataclasses import dataclass

from story_service.application.close_generation import CloseGeneration
from story_service.application.detached import DetachedRuns
from story_service.application.live import LiveGenerations
from story_service.application.ports import StartWork
from story_service.domain.errors import AlreadyClosed, GenerationUnknown
from story_service.domain.generation import Generation, cancelled
from story_service.domain.ids import GenerationId, UserId
from story_service.domain.pricing import estimated_usage
from story_service.domain.prompt import messages


@dataclass(frozen=True, slots=True)
class CancelGeneration:
    """Closes it at once, whichever process writes it: the fence keeps that one from adding a word."""

    start_work: StartWork
    close: CloseGeneration
    runs: DetachedRuns
    live: LiveGenerations

    async def __call__(self, user_id: UserId, generation_id: GenerationId) -> Generation:
        """Return it cancelled. Raises GenerationUnknown, AlreadyClosed."""
        async with self.start_work() as work:
            await work.usage.lock(user_id)
            generation = await work.generations.find(generation_id, lock=True)
            if generation is None or generation.user_id != user_id:
                raise GenerationUnknown
            text = "".join(chunk.text for chunk in await work.generations.log(generation_id, 0))
            delivered = estimated_usage(messages(generation.request), text) if text else None
            closed = await self.close(work, generation, cancelled(delivered), text) if generation.is_open else None
            if closed is None:
                raise AlreadyClosed
            await work.commit()
        self.runs.stop(generation_id)
        self.live.publish(generation_id, closed.chunks)
        return closed.generation
