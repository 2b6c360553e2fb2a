"""What is a promotion code worth to this person?"""

from dataclasses import dataclass

from payment_service.application.change_ports import PromotionGateway
from payment_service.application.ports import Clock, StartWork
from payment_service.domain.errors import CodeInvalid
from payment_service.domain.ids import UserId
from payment_service.domain.promotions import Promotion


@dataclass(frozen=True, slots=True)
class ValidateCode:
    """Raises CodeInvalid, and what the provider raises."""

    start_work: StartWork
    gateway: PromotionGateway
    now: Clock

    async def __call__(self, user_id: UserId, code: str) -> Promotion:
        """Return what the code stands for; whether it is taken in the end, the payment page decides."""
        async with self.start_work() as work:
            customer = await work.customers.of(user_id)
            has_paid = any(each.terms.has_started for each in await work.subscriptions.of(user_id))
        customer_id = customer.id if customer and customer.deleted_at is None else None
        found = await self.gateway.promotions(code)
        mine = [each for each in found if each.customer_id in {None, customer_id}]
        if not mine:
            raise CodeInvalid
        mine[0].check(customer_id, self.now(), has_paid=has_paid)
        return mine[0]
