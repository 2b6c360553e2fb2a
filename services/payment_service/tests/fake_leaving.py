"""What ends with an account, at the Stripe that lives in memory."""

from dataclasses import dataclass, field

from payment_service.domain.ids import CustomerId
from services.payment_service.tests.worlds import FakeStripe


@dataclass(slots=True)
class FakeLeaving:
    """Closes pages, and gives each bill back once."""

    stripe: FakeStripe
    given: set[str] = field(default_factory=set)

    async def close_pages(self, customer_id: CustomerId) -> None:
        for name, (order, state) in self.stripe.sessions.items():
            if order.customer_id == customer_id and state == "open":
                self.stripe.sessions[name] = (order, "expired")
        await self.stripe._called()

    async def give_back(self, invoice_id: str, name: str) -> int:
        await self.stripe._called()
        theirs = ((who, each) for who, some in self.stripe.invoices.items() for each in some)
        customer, invoice = next((who, each) for who, each in theirs if each.provider_id == invoice_id)
        if name in self.given:
            return 0
        self.given.add(name)
        self.stripe.take_back(customer, "refund", "succeeded", invoice.amount_paid)
        return invoice.amount_paid
