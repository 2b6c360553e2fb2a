"""After a change of plans: computes anew whom it concerns, one person a transaction."""

from dataclasses import dataclass, field
from functools import partial

from payment_service.application.access_changes import amending
from payment_service.application.access_ports import Recompute
from payment_service.application.one_by_one import OneByOne
from payment_service.application.ports import Clock, StartWork
from payment_service.domain.access import Cause

_BATCH = 100


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
            requested = await work.accesses.recomputes(_BATCH, self.one_by_one.resting(now))
        for each in requested:
            await self.one_by_one(each.user_id, partial(self._recompute, each), self.now())
        return len(requested) == _BATCH

    async def _recompute(self, requested: Recompute) -> None:
        cause = Cause("plan_change", requested.cause_id, requested.caused_by)
        async with self.start_work() as work:
            async with amending(work, requested.user_id, cause, self.now(), self.ttl_seconds):
                await work.accesses.recomputed(requested)
            await work.commit()
