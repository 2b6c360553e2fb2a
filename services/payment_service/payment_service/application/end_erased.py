"""Ends at the provider what people have who are being erased: nobody pays for an account that is gone."""

from dataclasses import dataclass, field

from payment_service.application.change_ports import SubscriptionGateway
from payment_service.application.one_by_one import BATCH, OneByOne
from payment_service.application.ports import Clock, PaymentGateway, StartWork
from payment_service.domain.access import Cause
from payment_service.domain.ids import UserId


@dataclass(frozen=True, slots=True)
class EndErased:
    """Safe when two run, and again after one that died: what has ended is not ended again."""

    start_work: StartWork
    gateway: PaymentGateway
    subscriptions: SubscriptionGateway
    now: Clock
    one_by_one: OneByOne = field(default_factory=OneByOne)

    async def __call__(self) -> bool:
        """Do one batch; tell whether there may be more."""
        async with self.start_work() as work:
            waiting = await work.erasures.waiting(BATCH, self.one_by_one.resting(self.now()))
        return await self.one_by_one.batch(waiting, self._end, self.now)

    async def _end(self, user_id: UserId) -> None:
        """End everything that the provider lists, then have it read: what was bought a moment ago is not known here."""
        async with self.start_work() as work:
            customer = await work.customers.of(user_id)
        if customer is not None:
            for each in (await self.gateway.read_customer(customer.id)).subscriptions:
                if each.terms.is_live:
                    name = f"erasure:{user_id}:{each.terms.provider_id}"
                    await self.subscriptions.end_now(each.terms.provider_id, name)
        async with self.start_work() as work:
            if customer is not None:
                await work.syncs.ask([customer.id], Cause("erasure", str(user_id)), self.now())
            await work.erasures.ended(user_id, self.now())
            await work.commit()
