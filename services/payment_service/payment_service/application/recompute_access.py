"""After a change of plans: computes anew whom it concerns, one person a transaction."""

from dataclasses import dataclass, field

from payment_service.application.access_changes import amending
from payment_service.application.access_ports import Recompute
from payment_service.application.one_by_one import BATCH, OneByOne
from payment_service.application.ports import Clock, StartWork
from payment_service.domain.access import Cause


@dataclass(frozen=True, slots=True)
class RecomputeAccess:
    """Safe when two run: a person is locked, and computing twice comes out the same."""

    start_work: StartWork
    now: Clock
    ttl_seconds: int
    one_by_one: OneByOne = field(default_factory=OneByOne)

    async def __call__(self) -> bool:
        """Do one batch; tell whether there may be more."""
        now = self.now()
        async with self.start_work() as work:
            requested = await work.accesses.recomputes(BATCH, self.one_by_one.resting(now))
        waiting = {each.user_id: each for each in requested}
        return await self.one_by_one.batch(list(waiting), lambda user_id: self._recompute(waiting[user_id]), self.now)

    async def _recompute(self, requested: Recompute) -> None:
        cause = Cause("plan_change", requested.cause_id, requested.caused_by)
        async with self.start_work() as work:
            async with amending(work, requested.user_id, cause, self.now(), self.ttl_seconds):
                await work.accesses.recomputed(requested)
            await work.commit()
