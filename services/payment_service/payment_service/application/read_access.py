"""What may this person do now? An edge that lies behind us is drawn before the answer, not after."""

from dataclasses import dataclass

from payment_service.application.access_changes import recompute_access
from payment_service.application.ports import Clock, StartWork, Work
from payment_service.domain.access import AccessVersion, Cause, first_access
from payment_service.domain.ids import UserId


@dataclass(frozen=True, slots=True)
class ReadAccess:
    """Answers for anybody: somebody never heard of has the default plan."""

    start_work: StartWork
    now: Clock
    ttl_seconds: int

    async def __call__(self, user_id: UserId) -> AccessVersion:
        """Return the version in force at this instant."""
        async with self.start_work() as work:
            current = await work.accesses.current(user_id)
            if current is None:
                return first_access(user_id, await work.plans.catalogue(), self.now())
            if not current.has_lapsed(self.now()):
                return current
            return await self._past_the_edge(work, user_id)

    async def _past_the_edge(self, work: Work, user_id: UserId) -> AccessVersion:
        await work.lock_user(user_id)
        now = self.now()
        cause = Cause("timer", now.isoformat())
        version = await recompute_access(work, user_id, await work.plans.catalogue(), cause, now, self.ttl_seconds)
        await work.commit()
        return version
