"""What a person may do now: computed from the subscription, what lies over it, and the clock; never stepped

(events-and-states.md 9.1).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from payment_service.domain.grants import Grant, in_burn_order
from payment_service.domain.ids import UserId
from payment_service.domain.json_text import rfc3339
from payment_service.domain.overrides import EVERYTHING, Overlay, Override
from payment_service.domain.plans import Catalogue, Plan
from payment_service.domain.subscription import ProviderStatus, Subscription

LATE_RENEWAL = timedelta(hours=72)
"""How long after the end of a period lost webhooks may go unnoticed."""
CauseType = Literal["signup", "webhook", "reconcile", "override", "grant", "plan_change", "timer", "erasure", "manual"]


class AccessState(StrEnum):
    """Where a person stands."""

    NONE = "none"
    PENDING = "pending"
    TRIALING = "trialing"
    ACTIVE = "active"
    GRACE = "grace"
    DELINQUENT = "delinquent"
    PAUSED = "paused"
    ENDED = "ended"


ENTITLING = frozenset({AccessState.TRIALING, AccessState.ACTIVE, AccessState.GRACE})


@dataclass(frozen=True, slots=True)
class Standing:
    """A state, why it is no better one, and when it changes by itself."""

    state: AccessState
    reason: str | None = None
    next_change_at: datetime | None = None

    @property
    def is_entitled(self) -> bool:
        """Whether the plan's features apply."""
        return self.state in ENTITLING


_FIXED = {
    ProviderStatus.INCOMPLETE: Standing(AccessState.PENDING, "payment_pending"),
    ProviderStatus.INCOMPLETE_EXPIRED: Standing(AccessState.NONE, "no_subscription"),
    ProviderStatus.UNPAID: Standing(AccessState.DELINQUENT, "payment_failed"),
    ProviderStatus.PAUSED: Standing(AccessState.PAUSED, "subscription_paused"),
    ProviderStatus.CANCELED: Standing(AccessState.ENDED, "subscription_ended"),
    ProviderStatus.UNKNOWN: Standing(AccessState.DELINQUENT, "status_unknown"),
}
_TO_CHECKOUT = {"type": "checkout", "href": "/payment/v1/checkout-sessions"}
DENIED = "access_denied"
"""The reason when an override takes everything: nothing that the person could do about it."""
_TO_PORTAL = {"type": "update_payment_method", "href": "/payment/v1/portal-sessions"}
_ACTIONS = {
    "no_subscription": _TO_CHECKOUT,
    "subscription_ended": _TO_CHECKOUT,
    "payment_pending": _TO_PORTAL,
    "payment_failed": _TO_PORTAL,
    "subscription_paused": _TO_PORTAL,
}


def access_state(subscription: Subscription | None, now: datetime) -> Standing:
    """Return the standing at `now`; it stays the same until its `next_change_at`."""
    if subscription is None:
        return Standing(AccessState.NONE, "no_subscription")
    status = subscription.terms.status
    if status in _FIXED:
        return _FIXED[status]
    if status is ProviderStatus.PAST_DUE:
        until, state, reason = subscription.grace_until, AccessState.GRACE, "payment_failed"
        late = Standing(AccessState.DELINQUENT, "payment_failed")
    else:
        end = subscription.terms.period_end
        until, state, reason = end and end + LATE_RENEWAL, AccessState(status.value), None
        late = Standing(AccessState.DELINQUENT, "renewal_unconfirmed")
    return Standing(state, reason, until) if until is not None and now < until else late


@dataclass(frozen=True, slots=True)
class Access:
    """The whole answer to "what may this person do"; `features` and `grants` are the documents of api.md 6.3."""

    state: AccessState
    is_entitled: bool
    plan_code: str
    features: Mapping[str, Any]
    period_start: datetime | None
    period_end: datetime | None
    reason: str | None
    next_change_at: datetime | None
    grants: tuple[Mapping[str, Any], ...] = ()


def access_of(
    subscription: Subscription | None,
    catalogue: Catalogue,
    now: datetime,
    overrides: Sequence[Override] = (),
    grants: Sequence[Grant] = (),
) -> Access:
    """Compute a person's access. Whoever is not entitled has the default plan, whatever was bought once.

    A deny of everything wins over payment, over every allow and over grants; an allow entitles whoever did not pay.
    """
    standing, overlay = access_state(subscription, now), Overlay.of(overrides, now)
    is_denied = overlay.denies_everything
    counting = [] if is_denied else grants
    paying = subscription if standing.is_entitled and not is_denied else None
    plan = catalogue.default if is_denied else _plan(subscription, standing, overlay, catalogue)
    return Access(
        state=standing.state,
        is_entitled=not is_denied and (standing.is_entitled or bool(overlay.allowed)),
        plan_code=plan.code,
        features=overlay.on(plan.features()),
        period_start=paying.terms.period_start if paying else None,
        period_end=paying.terms.period_end if paying else None,
        reason=DENIED if is_denied else standing.reason,
        next_change_at=_next_edge(standing, overrides, counting, now),
        grants=in_burn_order(counting, now),
    )


def _plan(subscription: Subscription | None, standing: Standing, overlay: Overlay, catalogue: Catalogue) -> Plan:
    """Return the plan that applies: the paid one, or while everything is allowed the one that was bought or the least

    of those that are sold.
    """
    if subscription and (standing.is_entitled or (EVERYTHING in overlay.allowed and subscription.terms.has_started)):
        return catalogue.plans[subscription.plan_code]
    return catalogue.least_sold if EVERYTHING in overlay.allowed else catalogue.default


def _next_edge(
    standing: Standing, overrides: Iterable[Override], grants: Iterable[Grant], now: datetime
) -> datetime | None:
    edges = [
        standing.next_change_at,
        *(each.next_edge(now) for each in overrides),
        *(each.next_edge(now) for each in grants),
    ]
    return min((edge for edge in edges if edge is not None), default=None)


@dataclass(frozen=True, slots=True)
class Cause:
    """What made access be computed anew, and which admin, where there was one."""

    type: CauseType
    id: str
    actor: UUID | None = None


@dataclass(frozen=True, slots=True)
class AccessVersion:
    """One version of a person's access: in force from `valid_from` until the next one begins. Version 0 is no row."""

    user_id: UserId
    version: int
    access: Access
    plan_rank: int
    cause: Cause
    valid_from: datetime

    def has_lapsed(self, now: datetime) -> bool:
        """Tell whether an edge lies behind us that nobody has drawn yet."""
        return self.access.next_change_at is not None and self.access.next_change_at <= now

    def followed_by(self, access: Access, plan: Plan, cause: Cause, now: datetime) -> "AccessVersion":
        """Return the next version, which begins where this one ends even if a clock went back."""
        begin = max(now, self.valid_from)
        return replace(
            self, version=self.version + 1, access=access, plan_rank=plan.rank, cause=cause, valid_from=begin
        )

    def document(self, ttl_seconds: int) -> dict[str, Any]:
        """Return the access snapshot of api.md 6.3."""
        access = self.access
        period = {"start": rfc3339(access.period_start), "end": rfc3339(access.period_end)}
        return {
            "user_id": str(self.user_id),
            "version": self.version,
            "state": access.state.value,
            "entitled": access.is_entitled,
            "plan": {"code": access.plan_code, "rank": self.plan_rank},
            "period": period if access.period_end else None,
            "features": dict(access.features),
            "grants": [dict(grant) for grant in access.grants],
            "reason": access.reason,
            "action": _ACTIONS.get(access.reason or ""),
            "next_change_at": rfc3339(access.next_change_at),
            "computed_at": rfc3339(self.valid_from),
            "ttl_seconds": ttl_seconds,
        }


def first_access(user_id: UserId, catalogue: Catalogue, now: datetime) -> AccessVersion:
    """Return the access of somebody of whom nothing is known."""
    access = access_of(None, catalogue, now)
    return AccessVersion(user_id, 0, access, catalogue.default.rank, Cause("signup", str(user_id)), now)
