"""After a change of plans: computes anew whom it concerns, one person a transaction."""

from dataclasses import dataclass

from payment_service.application.access_changes import amending
from payment_service.application.ports import Clock, StartWork
from payment_service.domain.access import Cause

_BATCH = 100


@dataclass(frozen=True, slots=True)
class RecomputeAccess:
    """Safe when two run: a person is locked, and computing twice comes out the same."""

    start_work: StartWork
    now: Clock
    ttl_seconds: int

    async def __call__(self) -> bool:
        """Do one batch; tell whether there may be more."""
        async with self.start_work() as work:
            requested = await work.accesses.recomputes(_BATCH)
        for each in requested:
            cause = Cause("plan_change", each.cause_id, each.caused_by)
            async with self.start_work() as work:
                async with amending(work, each.user_id, cause, self.now(), self.ttl_seconds):
                    await work.accesses.recomputed(each)
                await work.commit()
        return len(requested) == _BATCH
