"""Subscriptions: listed, begun, changed, canceled."""

from sandbox.stripe import params
from sandbox.stripe.account import LIVE_STATUSES, Account
from sandbox.stripe.billing import collecting
from sandbox.stripe.billing.changes import payment_refused, settle_rest
from sandbox.stripe.billing.ending import end_subscription, expire_incomplete
from sandbox.stripe.billing.lifecycle import Order, begin, first_invoice
from sandbox.stripe.errors import ApiError, JsonObject, invalid
from sandbox.stripe.operations.call import Call, Endpoint, equal, listed, of_customer
from sandbox.stripe.operations.changing import change_subscription, ending
from sandbox.stripe.operations.redeeming import redeemable
from sandbox.stripe.operations.subscription_specs import CANCEL, CREATE, LIST, UPDATE
from sandbox.stripe.params import Required
from sandbox.stripe.store import Condition

_DAY = 86_400


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


def _create(account: Account, call: Call) -> JsonObject:
    """Begun by the API: incomplete until its first invoice is paid, unless there is a trial or nothing to pay."""
    given = call.params
    order = _order(account, given)
    behaviour = given.get("payment_behavior", "allow_incomplete")
    body = begin(account, order, status="incomplete")
    invoice = first_invoice(account, body)
    if invoice["status"] == "open" and behaviour != "default_incomplete":
        invoice = collecting.pay(account, invoice, collecting.method_for(account, body))
        if invoice["status"] != "paid" and behaviour == "error_if_incomplete":
            raise payment_refused(account, invoice)
    body = account.fetch("subscription", body["id"])
    if "cancel_at" in given or given.get("cancel_at_period_end"):
        body = account.change(body, "customer.subscription.updated", **ending(account, body, given))
    return body


def _order(account: Account, given: JsonObject) -> Order:
    customer = account.fetch("customer", given["customer"], "customer")
    if not given["items"]:
        raise invalid("You must pass at least one item.", param="items")
    method = given.get("default_payment_method")
    behaviour = given.get("payment_behavior", "allow_incomplete")
    trial_end = trial_end_of(account, given)
    if method is not None:
        _own_method(account, customer["id"], method)
    elif behaviour != "default_incomplete" and trial_end is None:
        _need_method(customer)
    lines = [
        {"price": active_price(account, item["price"], f"items[{index}][price]"), "quantity": item.get("quantity", 1)}
        for index, item in enumerate(given["items"])
    ]
    return Order(
        customer["id"],
        lines,
        given,
        method,
        trial_end=trial_end,
        discounts=tuple(redeemable(account, each, customer["id"]) for each in given.get("discounts") or ()),
    )


def trial_end_of(account: Account, given: JsonObject) -> int | None:
    """When a trial that was asked for ends."""
    if "trial_period_days" in given:
        return account.now() + int(given["trial_period_days"]) * _DAY
    end = given.get("trial_end")
    if end is None or end == "now":
        return None
    if end <= account.now():
        raise ApiError("Invalid timestamp: must be an integer Unix timestamp in the future.", param="trial_end")
    return int(end)


def active_price(account: Account, price_id: str, param: str) -> JsonObject:
    """A price that can be sold."""
    price = account.fetch("price", price_id, param)
    if not price["active"]:
        raise ApiError(f"The price specified is inactive: {price['id']}", param=param)
    return price


def _own_method(account: Account, customer_id: str, method_id: str) -> None:
    method = account.fetch("payment_method", method_id, "default_payment_method")
    if method["customer"] != customer_id:
        message = f"The customer does not have a payment method with the ID {method_id}."
        raise ApiError(message, param="default_payment_method", code="resource_missing")


def _need_method(customer: JsonObject) -> None:
    if customer["invoice_settings"]["default_payment_method"] is None:
        message = (
            "This customer has no attached payment source or default payment method. Please consider adding a "
            "default payment method."
        )
        raise ApiError(message, code="resource_missing")


def update_subscription(account: Account, body: JsonObject, given: JsonObject) -> JsonObject:
    """Change what a subscription shows, how it ends and what it is for. Raises ApiError for what cannot be."""
    if body["status"] not in (*LIVE_STATUSES, "incomplete"):
        message = "A canceled subscription can only update its cancellation_details and metadata."
        raise ApiError(message, param=next(iter(given), None))
    changes: JsonObject = {
        name: given[name] for name in ("description", "default_payment_method", "trial_settings") if name in given
    }
    if "metadata" in given:
        changes["metadata"] = params.with_metadata(body["metadata"], given["metadata"])
    if changes.get("default_payment_method"):
        _own_method(account, body["customer"], changes["default_payment_method"])
    details = {**body["cancellation_details"], **given.get("cancellation_details", {})}
    if "cancel_at_period_end" in given or "cancel_at" in given:
        changes |= ending(account, body, given)
        details["reason"] = None if changes["cancel_at"] is None else "cancellation_requested"
    changes["cancellation_details"] = details
    return change_subscription(account, body, given, changes)


def _cancel(account: Account, call: Call) -> JsonObject:
    body = account.store.find(call.id)
    statuses = (*LIVE_STATUSES, "incomplete")
    if body is None or body["object"] != "subscription" or body["status"] not in statuses:
        raise ApiError(f"No such subscription: '{call.id}'", status=404, code="resource_missing", param="id")
    if body["status"] == "incomplete":
        return expire_incomplete(account, body)
    given = call.params
    settle_rest(account, body, prorate=given.get("prorate", False), invoice=given.get("invoice_now", False))
    body = account.fetch("subscription", call.id)
    return end_subscription(account, body, **given.get("cancellation_details", {}))


def _items(account: Account, call: Call) -> JsonObject:
    items = account.fetch("subscription", call.params["subscription"], "subscription")["items"]
    return {**items, "data": items["data"][: call.params.get("limit", 10)]}


ENDPOINTS = (
    Endpoint("GET", "/v1/subscriptions", _list, LIST),
    Endpoint("POST", "/v1/subscriptions", _create, CREATE),
    Endpoint("GET", "/v1/subscriptions/{id}", lambda account, call: account.fetch("subscription", call.id), {}),
    Endpoint(
        "POST",
        "/v1/subscriptions/{id}",
        lambda account, call: update_subscription(account, account.fetch("subscription", call.id), call.params),
        UPDATE,
    ),
    Endpoint("DELETE", "/v1/subscriptions/{id}", _cancel, CANCEL),
    Endpoint(
        "GET",
        "/v1/subscription_items",
        _items,
        {"subscription": Required(params.text), "limit": params.between(1, 100)},
    ),
)
