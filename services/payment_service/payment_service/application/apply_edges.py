"""Draws the edges of access on time without traffic, so that others hear of them."""

from dataclasses import dataclass

from payment_service.application.ports import Clock, StartWork
from payment_service.application.read_access import ReadAccess

_BATCH = 100


@dataclass(frozen=True, slots=True)
class ApplyEdges:
    """Reads the access of everybody whose edge has passed: reading draws it."""

    start_work: StartWork
    now: Clock
    read_access: ReadAccess

    async def __call__(self) -> bool:
        """Do one batch; tell whether there may be more."""
        async with self.start_work() as work:
            lapsed = await work.accesses.lapsed(self.now(), _BATCH)
        for user_id in lapsed:
            await self.read_access(user_id)
        return len(lapsed) == _BATCH
