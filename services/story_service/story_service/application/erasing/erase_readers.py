"""Erases who has left: stops what is being written for them, then removes what they left, batch by batch."""

from dataclasses import dataclass

from story_service.application.close_generation import Closed, CloseGeneration
from story_service.application.detached import DetachedRuns
from story_service.application.erasing.ports import ErasureWork, StartErasureWork
from story_service.application.kinds import Output
from story_service.application.live import LiveGenerations
from story_service.application.ports import Clock
from story_service.domain.events import StoriesPurged
from story_service.domain.generation import cancelled
from story_service.domain.ids import UserId

STORIES = "stories"
_OPEN_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class EraseReaders:
    """Every batch is a transaction that looks for what is left, so a process may die between any two.

    Money stays: windows, reservations, ledger and decisions hold numbers, hashes and an id that names nobody any more.
    """

    start_work: StartErasureWork
    close: CloseGeneration
    runs: DetachedRuns
    live: LiveGenerations
    now: Clock
    at_once: int = 200

    async def __call__(self) -> bool:
        """Do one batch; return whether there may be more."""
        async with self.start_work() as work:
            user_id = await work.erasures.waiting()
            if user_id is None:
                return False
            await work.usage.lock(user_id)
            stopped = await self._stop(work, user_id)
            if not stopped:
                await self._erase(work, user_id)
            await work.commit()
        for each in stopped:
            self.runs.stop(each.generation.id)
            self.live.publish(each.generation.id, each.chunks)
        return True

    async def _stop(self, work: ErasureWork, user_id: UserId) -> list[Closed]:
        """Close what is open, uncharged; the newest first, as what waits comes after what it waits for."""
        closed = []
        for recent in await work.generations.recent_of(user_id, _OPEN_AT_ONCE):
            generation = await work.generations.find(recent.id, lock=True) if recent.is_open else None
            if generation and generation.is_open:
                closed.append(await self.close(work, generation, cancelled(None), Output("")))
        return [each for each in closed if each]

    async def _erase(self, work: ErasureWork, user_id: UserId) -> None:
        for part in work.erasures.parts:
            if count := await work.erasures.erase(user_id, part, self.now(), self.at_once):
                await work.erasures.count(user_id, part, count)
                if part == STORIES:
                    await work.tell(StoriesPurged(user_id, count, self.now()))
                return
        await work.erasures.done(user_id, self.now())
