"""A subscription as the provider tells it, and what we add: who it belongs to, and when its grace ends."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from payment_service.domain.ids import UserId


class ProviderStatus(StrEnum):
    """Stripe's words; UNKNOWN stands for one that it invents tomorrow, and gives no access."""

    INCOMPLETE = "incomplete"
    INCOMPLETE_EXPIRED = "incomplete_expired"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    CANCELED = "canceled"
    UNPAID = "unpaid"
    PAUSED = "paused"
    UNKNOWN = "unknown"


_BY_WEIGHT = (
    ProviderStatus.INCOMPLETE_EXPIRED,
    ProviderStatus.CANCELED,
    ProviderStatus.INCOMPLETE,
    ProviderStatus.UNKNOWN,
    ProviderStatus.PAUSED,
    ProviderStatus.UNPAID,
    ProviderStatus.PAST_DUE,
    ProviderStatus.TRIALING,
    ProviderStatus.ACTIVE,
)
_ENDED = frozenset({ProviderStatus.INCOMPLETE_EXPIRED, ProviderStatus.CANCELED})
_NOT_STARTED = frozenset({ProviderStatus.INCOMPLETE, ProviderStatus.INCOMPLETE_EXPIRED})


@dataclass(frozen=True, slots=True)
class Terms:
    """What the provider says of a subscription, as far as we keep it.

    With a `pending_price_id` another price is to come: under a schedule at `pending_at`, without one as soon as it is
    paid for, which may be until `pending_at`.
    """

    provider_id: str
    status: ProviderStatus
    created_at: datetime
    period_start: datetime | None = None
    period_end: datetime | None = None
    trial_end: datetime | None = None
    cancel_at_period_end: bool = False
    cancel_at: datetime | None = None
    canceled_at: datetime | None = None
    ended_at: datetime | None = None
    latest_invoice_id: str | None = None
    interval: str | None = None
    pending_price_id: str | None = None
    pending_at: datetime | None = None
    schedule_id: str | None = None

    @property
    def is_live(self) -> bool:
        """Whether it still binds both sides: somebody who has one may not buy another."""
        return self.status not in _ENDED

    @property
    def has_started(self) -> bool:
        """Whether the first payment went through."""
        return self.status not in _NOT_STARTED

    @property
    def is_ending(self) -> bool:
        """Whether its end is fixed though it runs."""
        return self.is_live and (self.cancel_at_period_end or self.cancel_at is not None)

    @property
    def waits_for_payment(self) -> bool:
        """Whether another price is to come once it is paid for."""
        return self.pending_price_id is not None and self.schedule_id is None


@dataclass(frozen=True, slots=True)
class SubscriptionReading:
    """One subscription as read from the provider; the price tells the plan."""

    terms: Terms
    price_id: str
    lookup_key: str | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription of one person. `is_superseded`: a second live one at the provider, which counts for nothing."""

    id: UUID
    user_id: UserId
    plan_code: str
    terms: Terms
    read_at: datetime
    past_due_since: datetime | None = None
    grace_until: datetime | None = None
    is_superseded: bool = False
    version: int = 1

    def reread(self, plan_code: str, terms: Terms, read_at: datetime) -> "Subscription":
        """Take over what the provider says now. The version counts changes, not readings."""
        same = (plan_code, terms) == (self.plan_code, self.terms)
        return replace(
            self, plan_code=plan_code, terms=terms, read_at=read_at, version=self.version + (0 if same else 1)
        )

    def with_grace(self, failed_at: datetime | None, grace: timedelta) -> "Subscription":
        """Let the grace run from the first failure of this past-due spell, which retries do not move.

        `failed_at` is the first failure that is unpaid now; None, where the provider tells of none, keeps the start.
        """
        if self.terms.status is not ProviderStatus.PAST_DUE:
            return replace(self, past_due_since=None, grace_until=None)
        since = failed_at or self.past_due_since or self.read_at
        return replace(self, past_due_since=since, grace_until=since + grace)

    def vanished(self, read_at: datetime) -> "Subscription":
        """End one that the provider does not know any more, as when its customer was deleted."""
        terms = replace(
            self.terms, status=ProviderStatus.CANCELED, ended_at=self.terms.ended_at or read_at,
            canceled_at=self.terms.canceled_at or read_at,
        )  # fmt: skip
        return self.reread(self.plan_code, terms, read_at)


def governing(subscriptions: Sequence[Subscription]) -> Subscription | None:
    """Return the one that decides: by status, then the youngest. The choice depends on nothing but its arguments."""
    return max(subscriptions, key=_weight, default=None)


def without_rivals(subscriptions: Sequence[Subscription]) -> list[Subscription]:
    """Mark every live subscription but the governing one as superseded, so that at most one counts."""
    first = governing(subscriptions)
    return [replace(each, is_superseded=each.terms.is_live and each is not first) for each in subscriptions]


def _weight(subscription: Subscription) -> tuple[int, datetime, str]:
    terms = subscription.terms
    return _BY_WEIGHT.index(terms.status), terms.created_at, terms.provider_id
