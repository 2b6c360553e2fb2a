"""Ends a generation before its time, and those that wait for its end: paid is what was delivered."""

from dataclasses import dataclass

from story_service.application.close_generation import Closed, CloseGeneration
from story_service.application.kinds import Kinds, Output
from story_service.application.ports import Work
from story_service.domain.errors import AlreadyClosed
from story_service.domain.generation import Generation, cancelled
from story_service.domain.pricing import Usage, estimated_usage


@dataclass(frozen=True, slots=True)
class StopGeneration:
    """Part of the caller's work, which has locked the reader's usage and the generation, and commits."""

    close: CloseGeneration
    kinds: Kinds

    async def __call__(self, work: Work, generation: Generation) -> list[Closed]:
        """Return what was closed, the generation last. Raises AlreadyClosed."""
        waiting = await work.generations.waiting_for(generation) if generation.is_open else []
        return [await self._close(work, each) for each in (*reversed(waiting), generation)]

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
