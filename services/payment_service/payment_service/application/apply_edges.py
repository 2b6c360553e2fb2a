"""Draws the edges of access on time without traffic, so that others hear of them."""

from dataclasses import dataclass, field

from payment_service.application.one_by_one import BATCH, OneByOne
from payment_service.application.ports import Clock, StartWork
from payment_service.application.read_access import ReadAccess


@dataclass(frozen=True, slots=True)
class ApplyEdges:
    """Reads the access of everybody whose edge has passed: reading draws it."""

    start_work: StartWork
    now: Clock
    read_access: ReadAccess
    one_by_one: OneByOne = field(default_factory=OneByOne)

    async def __call__(self) -> bool:
        """Do one batch; tell whether there may be more."""
        now = self.now()
        async with self.start_work() as work:
            lapsed = await work.accesses.lapsed(now, BATCH, self.one_by_one.resting(now))
        return await self.one_by_one.batch(lapsed, self.read_access, self.now)
