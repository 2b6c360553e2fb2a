"""A visit to the provider's payment page: creating -> open -> complete or expired (events-and-states.md 9.7)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from payment_service.domain.ids import CustomerId, UserId
from payment_service.domain.plans import Price

CheckoutState = Literal["creating", "open", "complete", "expired", "failed"]
ABANDONED_AFTER = timedelta(seconds=30)
"""A session that is still being created after this lost its maker; whoever comes next finishes it."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """One checkout session. `request_key` is the Idempotency-Key of the call that wanted it.

    With `trial_days` nothing is paid before they are over.
    """

    id: UUID
    user_id: UserId
    price: Price
    return_path: str
    request_key: str
    created_at: datetime
    expires_at: datetime
    state: CheckoutState = "creating"
    provider_id: str | None = None
    url: str | None = None
    promo_code: str | None = None
    trial_days: int = 0

    def opened(self, hosted: "HostedCheckout") -> "Checkout":
        """Take over what the provider made."""
        return replace(self, state="open", provider_id=hosted.provider_id, url=hosted.url, expires_at=hosted.expires_at)

    def closed(self, state: CheckoutState) -> "Checkout":
        """End the visit; its page leads nowhere any more."""
        return replace(self, state=state, url=None)

    def is_abandoned(self, now: datetime) -> bool:
        """Tell whether its maker died between the first and the second transaction."""
        return self.state == "creating" and now >= self.created_at + ABANDONED_AFTER


@dataclass(frozen=True, slots=True)
class CheckoutOrder:
    """What the provider is asked for. The same `id` and `generation` of the customer always name the same session."""

    id: UUID
    user_id: UserId
    customer_id: CustomerId
    price_id: str
    return_path: str
    generation: int = 1
    promo_code: str | None = None
    trial_days: int = 0

    @property
    def name(self) -> str:
        """What it is asked for under."""
        return f"checkout:{self.id}" if self.generation == 1 else f"checkout:{self.id}:{self.generation}"


@dataclass(frozen=True, slots=True)
class HostedCheckout:
    """The provider's page for one order."""

    provider_id: str
    url: str
    expires_at: datetime
