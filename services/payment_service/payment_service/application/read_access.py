"""What may this person do now? An edge that lies behind us is drawn before the answer, not after."""

from collections.abc import Sequence
from dataclasses import dataclass

from payment_service.application.access_changes import draw_edges
from payment_service.application.ports import Clock, StartWork
from payment_service.domain.access import AccessVersion, first_access
from payment_service.domain.ids import UserId


@dataclass(frozen=True, slots=True)
class ReadAccess:
    """Answers for anybody: somebody never heard of has the default plan. Only an edge to be drawn needs a transaction,
    which `start_reading`, where it is another one than `start_work`, does not begin.
    """

    start_work: StartWork
    now: Clock
    ttl_seconds: int
    start_reading: StartWork | None = None

    async def __call__(self, user_id: UserId) -> AccessVersion:
        """Return the version in force at this instant."""
        async with (self.start_reading or self.start_work)() as work:
            current = await work.accesses.current(user_id)
            if current is None:
                return first_access(user_id, await work.plans.catalogue(), self.now())
            if not current.has_lapsed(self.now()):
                return current
        return await self._past_the_edge(current)

    async def many(self, user_ids: Sequence[UserId]) -> list[AccessVersion]:
        """Return the versions in force of these people, in their order."""
        async with (self.start_reading or self.start_work)() as work:
            known = {each.user_id: each for each in await work.accesses.currents(user_ids)}
            catalogue, now = await work.plans.catalogue(), self.now()
        versions = [known.get(user_id) or first_access(user_id, catalogue, now) for user_id in user_ids]
        return [await self(each.user_id) if each.has_lapsed(now) else each for each in versions]

    async def _past_the_edge(self, lapsed: AccessVersion) -> AccessVersion:
        async with self.start_work() as work:
            await work.lock_user(lapsed.user_id)
            catalogue = await work.plans.catalogue()
            version = await draw_edges(work, lapsed.user_id, catalogue, self.now(), self.ttl_seconds)
            await work.commit()
        return version or lapsed
