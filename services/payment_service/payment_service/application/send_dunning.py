"""Has people reminded of a failed payment on days 0, 3 and 6 of their grace; what is too late is left out."""

from dataclasses import dataclass, field

from payment_service.application.one_by_one import BATCH, OneByOne
from payment_service.application.ports import Clock, StartWork
from payment_service.domain.access_facts import dunning_notice
from payment_service.domain.dunning import day_due
from payment_service.domain.ids import UserId


@dataclass(frozen=True, slots=True)
class SendDunning:
    """Tells; user_service writes. Safe when two run: a person is locked, and each day of a spell is told once."""

    start_work: StartWork
    now: Clock
    one_by_one: OneByOne = field(default_factory=OneByOne)

    async def __call__(self) -> bool:
        """Do one batch; tell whether there may be more."""
        now = self.now()
        async with self.start_work() as work:
            waiting = await work.dunning.waiting(now, BATCH, self.one_by_one.resting(now))
        return await self.one_by_one.batch(waiting, self._remind, self.now)

    async def _remind(self, user_id: UserId) -> None:
        async with self.start_work() as work:
            await work.lock_user(user_id)
            now = self.now()
            for subscription in await work.subscriptions.of(user_id):
                since, until = subscription.past_due_since, subscription.grace_until
                if since is None or until is None or subscription.is_superseded:
                    continue
                day = day_due(since, until, now)
                if day is None or not await work.dunning.told(subscription.id, since, day, now):
                    continue
                await work.outbox.add(
                    dunning_notice(user_id, subscription.terms.provider_id, subscription.plan_code, day, until, now)
                )
            await work.commit()
