"""What the use cases that change a running subscription need from the provider."""

from collections.abc import Sequence
from typing import Protocol

from payment_service.domain.changes import Bill, ChangeOrder, RunningSubscription
from payment_service.domain.ids import CustomerId
from payment_service.domain.promotions import Promotion


class SubscriptionGateway(Protocol):
    """Running subscriptions at the provider. Every method may raise ProviderUnavailable or ProviderRefused.

    What changes something takes a name for it: asked again under that name, the provider answers the same thing.
    """

    async def running(self, subscription_id: str) -> RunningSubscription | None:
        """Read one as it is this moment, None where there is none."""
        ...

    async def foresee(self, order: ChangeOrder) -> Bill:
        """Return the bill that a change would lead to: the one of today, or for a later change the one of that day."""
        ...

    async def change_now(self, order: ChangeOrder, name: str) -> RunningSubscription:
        """Bill and change at once; where the payment does not go through, the change waits for it."""
        ...

    async def change_later(self, order: ChangeOrder, name: str) -> None:
        """Change at the end of the period."""
        ...

    async def withdraw(self, running: RunningSubscription, name: str) -> None:
        """Take back the change that is pending."""
        ...

    async def end(self, running: RunningSubscription, reason: str | None, name: str) -> RunningSubscription:
        """End it with its period; one whose first payment is not finished ends at once, and costs nothing."""
        ...

    async def end_now(self, subscription_id: str, name: str) -> None:
        """End it at once, with nothing billed and nothing given back; one that has ended stays ended."""
        ...

    async def go_on(self, running: RunningSubscription, name: str) -> RunningSubscription:
        """Let it go on after all."""
        ...


class LeavingGateway(Protocol):
    """What ends with an account. Every method may raise ProviderUnavailable or ProviderRefused, and be repeated."""

    async def close_pages(self, customer_id: CustomerId) -> None:
        """Let nobody pay on a payment page of this customer that is open."""
        ...

    async def give_back(self, invoice_id: str, name: str) -> int:
        """Refund all that was paid for an invoice, under this name; return how much, 0 where nothing is left."""
        ...


class PromotionGateway(Protocol):
    """Promotion codes at the provider. May raise ProviderUnavailable or ProviderRefused."""

    async def promotions(self, code: str) -> Sequence[Promotion]:
        """Return those that are active under what somebody typed, whatever its case."""
        ...
