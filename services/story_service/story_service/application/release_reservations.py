"""Gives back what a reservation still holds though its generation has ended."""

import logging
from dataclasses import dataclass, replace

from story_service.application.draw_units import posting
from story_service.application.ports import Clock, StartWork
from story_service.domain import ledger
from story_service.domain.ids import GenerationId, UserId

log = logging.getLogger("story")
_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class ReleaseReservations:
    """A generation and its reservation end in one transaction, so there should be none; whoever paid shall not wait."""

    start_work: StartWork
    now: Clock

    async def __call__(self) -> int:
        """Return how many were released."""
        async with self.start_work() as work:
            overdue = await work.usage.overdue(self.now(), _AT_ONCE)
        return sum([await self._release(user_id, generation_id) for user_id, generation_id in overdue])

    async def _release(self, user_id: UserId, generation_id: GenerationId) -> bool:
        now = self.now()
        async with self.start_work() as work:
            head = await work.usage.lock(user_id)
            closed = await work.usage.close(generation_id, settled=False, now=now)
            if closed is None:
                return False
            reservation_id, lines = closed
            postings = []
            for line in lines:
                holding = await work.usage.settle(user_id, reservation_id, replace(line, settled=0))
                if line.reserved:
                    postings.append(posting(line, ledger.RELEASE, line.reserved, holding))
            entries, head = ledger.extend(head, user_id, reservation_id, postings, now)
            if entries:
                await work.usage.post(user_id, entries, head)
            await work.commit()
        log.warning("reservation outlived its generation", extra={"generation_id": str(generation_id)})
        return True
