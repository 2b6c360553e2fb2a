"""Subscriptions: read, changed in their end date and metadata, canceled. They begin in Checkout."""

from typing import Any

from sandbox.stripe import params
from sandbox.stripe.account import LIVE_STATUSES, Account
from sandbox.stripe.billing import end_subscription
from sandbox.stripe.errors import ApiError, JsonObject
from sandbox.stripe.operations.call import LISTING, Call, Endpoint, equal, listed, of_customer
from sandbox.stripe.params import Required
from sandbox.stripe.store import Condition

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
_DETAILS = params.group({"comment": params.clearable(params.text), "feedback": params.clearable(_FEEDBACK)})
_PERIOD_ENDS = {"min_period_end": min, "max_period_end": max}


def _end_date(value: Any, path: str) -> int | str | None:
    if value == "" or value in _PERIOD_ENDS:
        return value or None
    return params.integer(value, path)


def _list(account: Account, call: Call) -> JsonObject:
    status = call.params.get("status")
    wanted = of_customer(call)
    if status == "ended":
        wanted.append(Condition("json_extract(body, '$.status') IN ('canceled', 'incomplete_expired')"))
    elif status is None:
        wanted.append(Condition("json_extract(body, '$.status') NOT IN ('canceled', 'incomplete_expired')"))
    elif status != "all":
        wanted.append(equal("status", status))
    if "price" in call.params:
        has_price = "EXISTS (SELECT 1 FROM json_each(body, '$.items.data') WHERE json_extract(value, '$.price.id') = ?)"
        wanted.append(Condition(has_price, (call.params["price"],)))
    return listed(account, call, "subscription", "/v1/subscriptions", *wanted)


def update_subscription(account: Account, body: JsonObject, given: JsonObject) -> JsonObject:
    if body["status"] not in LIVE_STATUSES:
        message = "A canceled subscription can only update its cancellation_details and metadata."
        raise ApiError(message, param=next(iter(given), None))
    changes: dict[str, Any] = {name: given[name] for name in ("description", "default_payment_method") if name in given}
    if "metadata" in given:
        changes["metadata"] = params.with_metadata(body["metadata"], given["metadata"])
    if changes.get("default_payment_method"):
        account.fetch("payment_method", changes["default_payment_method"], "default_payment_method")
    details = {**body["cancellation_details"], **given.get("cancellation_details", {})}
    if "cancel_at_period_end" in given or "cancel_at" in given:
        changes |= _ending(account, body, given)
        details["reason"] = None if changes["cancel_at"] is None else "cancellation_requested"
    changes["cancellation_details"] = details
    return account.change(body, "customer.subscription.updated", **changes)


def _ending(account: Account, body: JsonObject, given: JsonObject) -> JsonObject:
    ends = [item["current_period_end"] for item in body["items"]["data"]]
    at_period_end = given.get("cancel_at_period_end", False)
    if at_period_end and "cancel_at" in given:
        raise ApiError("You cannot pass both cancel_at and cancel_at_period_end.", param="cancel_at")
    cancel_at = max(ends) if at_period_end else given.get("cancel_at")
    if isinstance(cancel_at, str):
        cancel_at = _PERIOD_ENDS[cancel_at](ends)
    if cancel_at is not None and cancel_at <= account.now():
        raise ApiError("cancel_at must be in the future.", param="cancel_at")
    asked_at = body["canceled_at"] or account.now()
    return {
        "cancel_at": cancel_at,
        "cancel_at_period_end": at_period_end,
        "canceled_at": None if cancel_at is None else asked_at,
    }


def _cancel(account: Account, call: Call) -> JsonObject:
    body = account.store.find(call.id)
    if body is None or body["object"] != "subscription" or body["status"] not in LIVE_STATUSES:
        raise ApiError(f"No such subscription: '{call.id}'", status=404, code="resource_missing", param="id")
    return end_subscription(account, body, **call.params.get("cancellation_details", {}))


def _items(account: Account, call: Call) -> JsonObject:
    items = account.fetch("subscription", call.params["subscription"], "subscription")["items"]
    return {**items, "data": items["data"][: call.params.get("limit", 10)]}


_UPDATE = {
    "cancel_at": _end_date,
    "cancel_at_period_end": params.flag,
    "cancellation_details": _DETAILS,
    "default_payment_method": params.text,
    "description": params.clearable(params.text),
    "metadata": params.metadata,
}
_LIST = {
    **LISTING,
    "customer": params.text,
    "price": params.text,
    "status": params.choice("all", "ended", *_STATUSES),
}
_CANCEL = {"cancellation_details": _DETAILS, "invoice_now": params.flag, "prorate": params.flag}

ENDPOINTS = (
    Endpoint("GET", "/v1/subscriptions", _list, _LIST),
    Endpoint("GET", "/v1/subscriptions/{id}", lambda account, call: account.fetch("subscription", call.id), {}),
    Endpoint(
        "POST",
        "/v1/subscriptions/{id}",
        lambda account, call: update_subscription(account, account.fetch("subscription", call.id), call.params),
        _UPDATE,
    ),
    Endpoint("DELETE", "/v1/subscriptions/{id}", _cancel, _CANCEL),
    Endpoint(
        "GET",
        "/v1/subscription_items",
        _items,
        {"subscription": Required(params.text), "limit": params.between(1, 100)},
    ),
)
