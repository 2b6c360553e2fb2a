"""A subscription as its owner sees it: with what is to come, and what has to be done about payments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from payment_service.application.ports import StartWork, Work
from payment_service.domain.changes import TO_PORTAL, bill_action
from payment_service.domain.errors import NoSubscription
from payment_service.domain.ids import UserId
from payment_service.domain.invoice import Invoice
from payment_service.domain.plans import Catalogue, Interval
from payment_service.domain.subscription import ProviderStatus, Subscription, Terms, governing

_UNPAID = frozenset({ProviderStatus.INCOMPLETE, ProviderStatus.PAST_DUE, ProviderStatus.UNPAID})


@dataclass(frozen=True, slots=True)
class PendingChange:
    """A change that has not come: planned for `at`, or waiting until `at` for its payment."""

    kind: Literal["scheduled", "unpaid"]
    plan_code: str | None
    interval: Interval | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Picture:
    """A subscription, what is to come, and what its owner has to do about payments."""

    subscription: Subscription
    pending: PendingChange | None = None
    action: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ReadPicture:
    """Raises NoSubscription when nothing was ever bought; an ended one is still shown."""

    start_work: StartWork

    async def __call__(self, user_id: UserId) -> Picture:
        """Return the subscription that decides, what is to come, and what its owner has to do."""
        async with self.start_work() as work:
            subscription = governing(await work.subscriptions.of(user_id))
            if subscription is None:
                raise NoSubscription
            return await picture_of(work, subscription)


async def picture_of(work: Work, subscription: Subscription) -> Picture:
    """Return a subscription with what is to come and to do."""
    latest = subscription.terms.latest_invoice_id
    bills = await work.invoices.named([latest] if latest else [])
    pending = _pending(subscription.terms, await work.plans.catalogue())
    return Picture(subscription, pending, _action(subscription.terms, bills))


def _pending(terms: Terms, catalogue: Catalogue) -> PendingChange | None:
    if terms.pending_price_id is None:
        return None
    price = catalogue.price_named(terms.pending_price_id)
    plan_code = catalogue.plan_of(terms.pending_price_id, None)
    kind: Literal["scheduled", "unpaid"] = "unpaid" if terms.waits_for_payment else "scheduled"
    return PendingChange(kind, plan_code, price.interval if price else None, terms.pending_at)


def _action(terms: Terms, bills: Sequence[Invoice]) -> Mapping[str, Any] | None:
    """The open bill, on whose page a payment is made or authenticated; without one, the page for cards."""
    url = next((bill.reading.hosted_url for bill in bills if bill.reading.status == "open"), None)
    if terms.waits_for_payment or terms.status in _UNPAID:
        return bill_action(url) or (TO_PORTAL if terms.status in _UNPAID else None)
    return None
