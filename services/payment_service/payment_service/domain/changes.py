"""Another plan or interval for a running subscription: when it comes, and what stands in its way."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from payment_service.domain.change_errors import (
    ChangePending,
    NoLiveSubscription,
    PaymentIncomplete,
    PaymentOverdue,
    SubscriptionEnding,
    SubscriptionInactive,
)
from payment_service.domain.plans import Interval, Plan, Price
from payment_service.domain.subscription import ProviderStatus, SubscriptionReading, Terms

Effect = Literal["now", "period_end"]
TO_PORTAL = {"type": "update_payment_method", "href": "/payment/v1/portal-sessions"}
_OWING = frozenset({ProviderStatus.PAST_DUE, ProviderStatus.UNPAID})
_RUNNING = frozenset({ProviderStatus.ACTIVE, ProviderStatus.TRIALING})


@dataclass(frozen=True, slots=True)
class RunningSubscription:
    """A subscription as the provider has it this moment.

    `item_id` is the provider's name for the line that the price stands on; `bill_url` is where the latest bill can be
    paid while it is open.
    """

    reading: SubscriptionReading
    item_id: str
    bill_url: str | None = None

    @property
    def terms(self) -> Terms:
        """What the provider says of it."""
        return self.reading.terms

    @property
    def action(self) -> dict[str, Any]:
        """What its owner can do about a payment that is not made."""
        return bill_action(self.bill_url) or TO_PORTAL


@dataclass(frozen=True, slots=True)
class ChangeOrder:
    """What the provider is asked for. `proration_at` is the moment from which it counts, None for the present."""

    running: RunningSubscription
    price: Price
    effect: Effect
    proration_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line of a bill; a negative amount gives something back. Amounts are minor units."""

    description: str
    amount: int
    period_start: datetime
    period_end: datetime
    is_proration: bool


@dataclass(frozen=True, slots=True)
class Bill:
    """A bill as the provider foresees it. `balance` is what the customer has there: negative pays for the bill."""

    currency: str
    subtotal: int
    total: int
    balance: int
    amount_due: int
    lines: tuple[BillLine, ...]

    @property
    def proration_at(self) -> datetime | None:
        """The moment from which a change counts; None where nothing is split."""
        return min((line.period_start for line in self.lines if line.is_proration), default=None)


def effect_of(terms: Terms, current: Plan, target: Plan, interval: Interval) -> Effect:
    """Return when a change comes: more comes at once, less when what is paid for is used up, in a trial anything."""
    if terms.status is ProviderStatus.TRIALING:
        return "now"
    if target.rank != current.rank:
        return "now" if target.rank > current.rank else "period_end"
    return "now" if interval == "year" else "period_end"


def check_changeable(running: RunningSubscription) -> None:
    """Raise the Refusal that stands in the way of any change."""
    terms = running.terms
    if not terms.is_live:
        raise NoLiveSubscription
    if terms.status is ProviderStatus.INCOMPLETE:
        raise PaymentIncomplete(running.action)
    if terms.status in _OWING:
        raise PaymentOverdue(running.action)
    if terms.status not in _RUNNING:
        raise SubscriptionInactive
    if terms.pending_price_id:
        raise ChangePending(bill_action(running.bill_url) if terms.waits_for_payment else None)
    if terms.is_ending:
        raise SubscriptionEnding


def bill_action(url: str | None) -> dict[str, Any] | None:
    """Return how a problem or a page says where a bill is paid."""
    return {"type": "pay_invoice", "href": url} if url else None
