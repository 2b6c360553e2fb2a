"""Reads what Stripe answers (API 2026-10-28.endive). Raises KeyError, TypeError, ValueError or IndexError."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast, get_args

import structlog

from payment_service.application.access_ports import PriceReading
from payment_service.domain.invoice import InvoiceReading, InvoiceStatus
from payment_service.domain.plans import Interval
from payment_service.domain.reversal import ReversalKind, ReversalReading
from payment_service.domain.subscription import ProviderStatus, SubscriptionReading, Terms
from payment_service.infrastructure.stripe_pages import STRIPES_OWN, StripePages

log = structlog.get_logger("stripe")
Json = dict[str, Any]
_STATUSES = {status.value: status for status in ProviderStatus}


def subscription_reading(body: Json) -> SubscriptionReading:
    """Read a subscription; its periods stand on its first item since 2025."""
    item = body["items"]["data"][0]
    terms = Terms(
        provider_id=body["id"],
        status=_STATUSES.get(body["status"], ProviderStatus.UNKNOWN),
        created_at=time_of(body["created"]),
        period_start=_time(item["current_period_start"]),
        period_end=_time(item["current_period_end"]),
        trial_end=_time(body.get("trial_end")),
        cancel_at_period_end=body["cancel_at_period_end"] is True,
        cancel_at=_time(body.get("cancel_at")),
        canceled_at=_time(body.get("canceled_at")),
        ended_at=_time(body.get("ended_at")),
        latest_invoice_id=reference_id(body.get("latest_invoice")),
        interval=item["price"]["recurring"]["interval"],
        **_pending(body, item["price"]["id"]),
    )
    return SubscriptionReading(terms, item["price"]["id"], item["price"].get("lookup_key"))


def _pending(body: Json, price_id: str) -> dict[str, Any]:
    """Return which other price is to come: one that waits for its payment, or that of a schedule's next phase."""
    schedule = body.get("schedule")
    if update := body.get("pending_update"):
        wanted = (update.get("subscription_items") or [{}])[0].get("price")
        return {"pending_price_id": reference_id(wanted), "pending_at": _time(update["expires_at"])}
    fields: dict[str, Any] = {"schedule_id": reference_id(schedule)}
    if isinstance(schedule, dict) and (current := schedule.get("current_phase")):
        for phase in schedule["phases"]:
            name = reference_id(phase["items"][0]["price"])
            if phase["start_date"] >= current["end_date"] and name != price_id:
                return fields | {"pending_price_id": name, "pending_at": time_of(phase["start_date"])}
    return fields


def invoice_reading(body: Json, pages: StripePages = STRIPES_OWN) -> InvoiceReading:
    """Read an invoice; its subscription stands under `parent` since 2025. Links that lead elsewhere are left out."""
    if body["status"] not in get_args(InvoiceStatus):
        raise ValueError(body["status"])
    parent = (body.get("parent") or {}).get("subscription_details") or {}
    moments = body["status_transitions"]
    return InvoiceReading(
        provider_id=body["id"],
        status=cast("InvoiceStatus", body["status"]),
        currency=body["currency"],
        amount_due=body["amount_due"],
        amount_paid=body["amount_paid"],
        created_at=time_of(body["created"]),
        subscription_id=reference_id(parent.get("subscription")),
        number=body.get("number"),
        attempt_count=body["attempt_count"],
        next_attempt_at=_time(body.get("next_payment_attempt")),
        hosted_url=pages.page(body.get("hosted_invoice_url")),
        pdf_url=pages.page(body.get("invoice_pdf")),
        period_start=_time(body.get("period_start")),
        period_end=_time(body.get("period_end")),
        finalized_at=_time(moments["finalized_at"]),
        paid_at=_time(moments["paid_at"]),
    )


def readable_invoices(bodies: Iterable[Json], pages: StripePages = STRIPES_OWN) -> list[InvoiceReading]:
    """Read invoices, without those that cannot be read: they are history, and must not keep access from being told."""
    readings = []
    for body in bodies:
        try:
            readings.append(invoice_reading(body, pages))
        except (KeyError, TypeError, ValueError) as error:
            log.warning("unreadable invoice", invoice=body.get("id"), reason=repr(error))
    return readings


def paid_invoices(bodies: Iterable[Json]) -> dict[str, str]:
    """Return which invoice each payment went to, by payment intent; the invoices were read with their payments."""
    return {
        intent: body["id"]
        for body in bodies
        for paid in (body.get("payments") or {}).get("data", [])
        if (intent := reference_id((paid.get("payment") or {}).get("payment_intent")))
    }


def reversal_reading(kind: ReversalKind, body: Json, charge: Json, invoices: Mapping[str, str]) -> ReversalReading:
    """Read a refund or a dispute of a charge."""
    return ReversalReading(
        provider_id=body["id"],
        kind=kind,
        charge_id=charge["id"],
        status=body["status"] or "unknown",
        amount=body["amount"],
        charged=charge["amount"],
        currency=body["currency"],
        created_at=time_of(body["created"]),
        invoice_id=invoices.get(reference_id(charge.get("payment_intent")) or ""),
        reason=body.get("reason"),
    )


def price_reading(body: Json) -> PriceReading | None:
    """Read a price, None for one that no plan of ours is sold at."""
    recurring = body.get("recurring") or {}
    if recurring.get("interval") not in get_args(Interval) or recurring.get("interval_count") != 1:
        return None
    return PriceReading(
        provider_id=body["id"],
        lookup_key=body["lookup_key"],
        currency=body["currency"],
        unit_amount=body["unit_amount"],
        interval=cast("Interval", recurring["interval"]),
    )


def time_of(seconds: int) -> datetime:
    """Return the instant that Stripe writes as seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def _time(seconds: int | None) -> datetime | None:
    return None if seconds is None else time_of(seconds)


def reference_id(reference: Any) -> str | None:
    """Return the id of a reference, which is an object where Stripe expanded it."""
    return reference["id"] if isinstance(reference, dict) else cast("str | None", reference)
