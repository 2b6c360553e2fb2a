"""Facts that other services hear (events-and-states.md 8), derived by comparing before and after."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from payment_service.domain.access import AccessVersion
from payment_service.domain.drift import Drift
from payment_service.domain.ids import UserId
from payment_service.domain.invoice import Invoice
from payment_service.domain.json_text import rfc3339
from payment_service.domain.plans import Plan
from payment_service.domain.reversal import Reversal
from payment_service.domain.subscription import ProviderStatus, Subscription


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened. All facts about a person share one order; `version` is that of what it tells about."""

    type: str
    subject: UserId | None
    partition_key: str
    version: int
    data: Mapping[str, Any]
    occurred_at: datetime


def access_changed(version: AccessVersion, ttl_seconds: int) -> Fact:
    """Tell the whole new snapshot and why it came."""
    cause = {"cause_type": version.cause.type, "cause_id": version.cause.id}
    data = version.document(ttl_seconds) | cause
    return _about(version.user_id, "access.changed", version.version, data, version.valid_from)


def subscription_facts(
    old: Subscription | None, new: Subscription, plans: Mapping[str, Plan], cause_id: str, now: datetime
) -> list[Fact]:
    """Tell what changed between two readings of one subscription."""
    before = old if old and old.terms.has_started else None
    data = {
        "subscription_id": new.terms.provider_id,
        "plan": new.plan_code,
        "previous_plan": before.plan_code if before else None,
        "period": {"start": rfc3339(new.terms.period_start), "end": rfc3339(new.terms.period_end)},
        "provider_event_id": cause_id,
        "version": new.version,
    }
    return [
        _about(new.user_id, f"subscription.{what}", new.version, data, now)
        for what in _what_happened(before, new, plans)
    ]


def _what_happened(old: Subscription | None, new: Subscription, plans: Mapping[str, Plan]) -> Iterator[str]:
    if not new.terms.has_started:
        return
    if old is None:
        yield "created"
    else:
        yield from _moved(old, new, plans)
    if new.terms.status is ProviderStatus.CANCELED and (old is None or old.terms.is_live):
        yield "cancelled"


def _moved(old: Subscription, new: Subscription, plans: Mapping[str, Plan]) -> Iterator[str]:
    rise = plans[new.plan_code].rank - plans[old.plan_code].rank
    if rise:
        yield "upgraded" if rise > 0 else "downgraded"
    if _is_renewed(old, new):
        yield "renewed"
    if new.terms.is_ending and not old.terms.is_ending:
        yield "cancel_scheduled"
    was_paused, is_paused = (each.terms.status is ProviderStatus.PAUSED for each in (old, new))
    if is_paused and not was_paused:
        yield "paused"
    if new.terms.is_live and ((was_paused and not is_paused) or (old.terms.is_ending and not new.terms.is_ending)):
        yield "resumed"


def _is_renewed(old: Subscription, new: Subscription) -> bool:
    """A period that begins with a failed payment is renewed only when the payment is made good."""
    if new.terms.status is not ProviderStatus.ACTIVE:
        return False
    before, after = old.terms.period_start, new.terms.period_start
    begins_later = before is not None and after is not None and after > before
    return begins_later or old.terms.status is ProviderStatus.PAST_DUE


def payment_facts(old: Invoice | None, new: Invoice, grace_until: datetime | None, now: datetime) -> list[Fact]:
    """Tell of money that moved, and of money that did not."""
    reading, before = new.reading, old.reading if old else None
    data: dict[str, Any] = {
        "invoice_id": reading.provider_id,
        "amount": reading.amount_paid if reading.is_paid else reading.amount_due,
        "currency": reading.currency,
        "attempt": reading.attempt_count,
    }
    if reading.is_paid and not (before and before.is_paid):
        return [_about(new.user_id, "payment.succeeded", new.version, data, now)]
    if reading.failures > (before.failures if before else 0):
        data |= {"next_attempt_at": rfc3339(reading.next_attempt_at), "grace_until": rfc3339(grace_until)}
        return [_about(new.user_id, "payment.failed", new.version, data, now)]
    return []


def reversal_facts(old: Reversal | None, new: Reversal, now: datetime) -> list[Fact]:
    """Tell once of each refund and each dispute, when it is first seen."""
    if old is not None:
        return []
    reading = new.reading
    data = {
        "invoice_id": reading.invoice_id,
        "amount": reading.amount,
        "currency": reading.currency,
        f"{reading.kind}_id": reading.provider_id,
        "status": reading.status,
        "whole": reading.takes_all,
    }
    kind = "payment.disputed" if reading.kind == "dispute" else "payment.refunded"
    return [_about(new.user_id, kind, new.version, data, now)]


def drift_found(user_id: UserId | None, customer_id: str, drift: Drift, now: datetime, *, healed: bool) -> Fact:
    """Tell that a reconciliation found a difference, and whether it is mended."""
    data = {"user_id": str(user_id) if user_id else None, "customer_id": customer_id, **drift.document()}
    return Fact("reconcile.drift_found", None, customer_id, 1, data | {"healed": healed}, now)


def webhook_dead(event_id: str, kind: str, error: str, customer_id: str, now: datetime) -> Fact:
    """Tell that an event was given up."""
    data = {"event_id": event_id, "type": kind, "error": error}
    return Fact("webhook.dead", None, customer_id, 1, data, now)


def _about(user_id: UserId, kind: str, version: int, data: Mapping[str, Any], now: datetime) -> Fact:
    return Fact(kind, user_id, str(user_id), version, data, now)
