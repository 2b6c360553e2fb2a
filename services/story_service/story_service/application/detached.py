"""Generations that run in this process, bound to no request: a reader may leave, the writing goes on."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from story_service.application.run_generation import HAND_OVER
from story_service.domain.ids import GenerationId

log = logging.getLogger("story")


class DetachedRuns:
    """Starts runs, can stop one at a reader's word, and lets them end when the process must."""

    def __init__(self, run: Callable[[GenerationId], Awaitable[GenerationId | None]]) -> None:
        self._run = run
        self._tasks: dict[GenerationId, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        """Return how many run."""
        return len(self._tasks)

    def start(self, generation_id: GenerationId) -> None:
        """Run a generation, unless it runs here already, and after it the one that waited for it."""
        if generation_id not in self._tasks:
            task = asyncio.create_task(self._guarded(generation_id), name=f"generation-{generation_id}")
            self._tasks[generation_id] = task
            task.add_done_callback(lambda _: self._tasks.pop(generation_id, None))

    def stop(self, generation_id: GenerationId) -> None:
        """Stop writing what somebody closed."""
        if task := self._tasks.get(generation_id):
            task.cancel()

    async def drain(self, seconds: float) -> None:
        """Let the runs end for a while; hand over what nobody has read of, and leave the rest to its lease."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._tasks:
                    await asyncio.wait(list(self._tasks.values()))
        late = list(self._tasks.values())
        for task in late:
            task.cancel(HAND_OVER)
        await asyncio.gather(*late, return_exceptions=True)

    async def _guarded(self, generation_id: GenerationId) -> None:
        try:
            following = await self._run(generation_id)
        except Exception:  # a supervising loop: the sweeper takes up what a defect left
            log.exception("generation broke", extra={"generation_id": str(generation_id)})
        else:
            if following:
                self.start(following)
