"""The parameters that subscriptions, their previews and their schedules take."""

from typing import Any

from sandbox.stripe import params
from sandbox.stripe.operations.call import LISTING
from sandbox.stripe.params import Required, Spec

_STATUSES = ("active", "canceled", "incomplete", "incomplete_expired", "past_due", "paused", "trialing", "unpaid")
_FEEDBACK = params.choice(
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
)
DETAILS = params.group({"comment": params.clearable(params.text), "feedback": params.clearable(_FEEDBACK)})
DISCOUNTS = params.clearable(params.each(params.group({"coupon": params.text, "promotion_code": params.text})))
PRORATION = params.choice("always_invoice", "create_prorations", "none")
TRIAL_SETTINGS = params.group(
    {
        "end_behavior": Required(
            params.group({"missing_payment_method": Required(params.choice("cancel", "create_invoice", "pause"))})
        )
    }
)


def end_date(value: Any, path: str) -> int | str | None:
    """A moment, the end of a period, or nothing."""
    if value in ("", "min_period_end", "max_period_end"):
        return value or None
    return params.integer(value, path)


def moment_or_now(value: Any, path: str) -> int | str:
    return "now" if value == "now" else params.integer(value, path)


_QUANTITY = params.between(1, 999_999)
NEW_ITEM = params.group({"metadata": params.metadata, "price": Required(params.text), "quantity": _QUANTITY})
CHANGED_ITEM = params.group(
    {
        "deleted": params.flag,
        "id": params.text,
        "metadata": params.metadata,
        "price": params.text,
        "quantity": _QUANTITY,
    }
)
CHANGE: Spec = {
    "billing_cycle_anchor": params.choice("now", "unchanged"),
    "cancel_at": end_date,
    "cancel_at_period_end": params.flag,
    "items": params.each(CHANGED_ITEM),
    "proration_behavior": PRORATION,
    "proration_date": params.integer,
    "trial_end": moment_or_now,
}
_PAYMENT = params.choice("allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete")
UPDATE: Spec = {
    **CHANGE,
    "cancellation_details": DETAILS,
    "default_payment_method": params.text,
    "description": params.clearable(params.text),
    "discounts": DISCOUNTS,
    "metadata": params.metadata,
    "off_session": params.flag,
    "payment_behavior": _PAYMENT,
    "trial_settings": TRIAL_SETTINGS,
}
CREATE: Spec = {
    "cancel_at": end_date,
    "cancel_at_period_end": params.flag,
    "customer": Required(params.text),
    "default_payment_method": params.text,
    "description": params.text,
    "discounts": DISCOUNTS,
    "items": Required(params.each(NEW_ITEM)),
    "metadata": params.metadata,
    "off_session": params.flag,
    "payment_behavior": _PAYMENT,
    "proration_behavior": PRORATION,
    "trial_end": moment_or_now,
    "trial_period_days": params.between(1, 730),
    "trial_settings": TRIAL_SETTINGS,
}
LIST: Spec = {
    **LISTING,
    "customer": params.text,
    "price": params.text,
    "status": params.choice("all", "ended", *_STATUSES),
}
CANCEL: Spec = {"cancellation_details": DETAILS, "invoice_now": params.flag, "prorate": params.flag}
