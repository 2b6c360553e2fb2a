"""How far has a checkout come? Access is true only when the provider confirmed the payment."""

from dataclasses import dataclass
from uuid import UUID

from payment_service.application.ports import StartWork
from payment_service.application.read_access import ReadAccess
from payment_service.domain.checkout import Checkout
from payment_service.domain.errors import CheckoutNotFound
from payment_service.domain.ids import UserId


@dataclass(frozen=True, slots=True)
class ReadCheckout:
    """Raises CheckoutNotFound, also for somebody else's."""

    start_work: StartWork
    read_access: ReadAccess

    async def __call__(self, user_id: UserId, checkout_id: UUID) -> tuple[Checkout, bool]:
        """Return the session, and whether the person is entitled now."""
        async with self.start_work() as work:
            checkout = await work.checkouts.get(checkout_id)
        if checkout is None or checkout.user_id != user_id:
            raise CheckoutNotFound
        version = await self.read_access(user_id)
        return checkout, version.access.is_entitled
