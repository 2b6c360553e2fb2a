"""Generations that run in this process, bound to no request: a reader may leave, the writing goes on."""

import asyncio
import contextlib
import heapq
import itertools
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from story_service.application.run_generation import HAND_OVER, Prepared
from story_service.domain.ids import GenerationId

log = logging.getLogger("story")
MOST_AT_ONCE = 2048
_UNDER_WAY = 1000  # its reader reads already: before whatever has not begun


class DetachedRuns:
    """Starts runs, can stop one at a reader's word, and lets them end when the process must.

    Where `most` run already the others queue: those of a higher priority first, then in the order they came.
    """

    def __init__(
        self,
        run: Callable[[GenerationId, Prepared | None], Awaitable[GenerationId | None]],
        *,
        most: int = MOST_AT_ONCE,
    ) -> None:
        self._run, self._most = run, most
        self._waiting: list[tuple[int, int, GenerationId, Prepared | None]] = []
        self._numbers = itertools.count()
        self._tasks: dict[GenerationId, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        """Return how many run."""
        return len(self._tasks)

    def start(self, generation_id: GenerationId, priority: int = 0, prepared: Prepared | None = None) -> None:
        """Run a generation, unless it runs here already, and after it the one that waited for it."""
        if generation_id not in self._tasks:
            heapq.heappush(self._waiting, (-priority, next(self._numbers), generation_id, prepared))
            self._start_waiting()

    def _start_waiting(self) -> None:
        while self._waiting and len(self._tasks) < self._most:
            _, _, generation_id, prepared = heapq.heappop(self._waiting)
            if generation_id in self._tasks:
                continue
            task = asyncio.create_task(self._guarded(generation_id, prepared), name=f"generation-{generation_id}")
            self._tasks[generation_id] = task
            task.add_done_callback(partial(self._ended, generation_id))

    def _ended(self, generation_id: GenerationId, _: "asyncio.Task[None]") -> None:
        self._tasks.pop(generation_id, None)
        self._start_waiting()

    def stop(self, generation_id: GenerationId) -> None:
        """Stop writing what somebody closed."""
        if task := self._tasks.get(generation_id):
            task.cancel()

    async def drain(self, seconds: float) -> None:
        """Let the runs end for a while; hand over what nobody has read of, and leave the rest to its lease."""
        self._waiting.clear()  # nobody here comes to them: another process finds them
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._tasks:
                    await asyncio.wait(list(self._tasks.values()))
        late = list(self._tasks.values())
        for task in late:
            task.cancel(HAND_OVER)
        await asyncio.gather(*late, return_exceptions=True)

    async def _guarded(self, generation_id: GenerationId, prepared: Prepared | None) -> None:
        try:
            following = await self._run(generation_id, prepared)
        except Exception:  # a supervising loop: the sweeper takes up what a defect left
            log.exception("generation broke", extra={"generation_id": str(generation_id)})
        else:
            if following:
                self.start(following, _UNDER_WAY)
