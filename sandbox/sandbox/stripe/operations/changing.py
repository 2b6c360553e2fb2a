"""What a request wants changed about a subscription, read against the subscription as it is."""

from typing import Any

from sandbox.stripe.account import Account
from sandbox.stripe.billing.changes import Change, change, change_to
from sandbox.stripe.billing.discounts import ends_at, grant, running
from sandbox.stripe.errors import ApiError, JsonObject, invalid
from sandbox.stripe.ids import new_id
from sandbox.stripe.objects.discounts import discount
from sandbox.stripe.objects.subscriptions import subscription_item, with_price
from sandbox.stripe.operations.redeeming import redeemable

_PERIOD_ENDS = {"min_period_end": min, "max_period_end": max}
_MANAGED = (
    "The subscription is managed by the subscription schedule `{}`, and updating any cancelation behavior directly "
    "is not allowed. Please update the schedule instead."
)


def change_subscription(account: Account, body: JsonObject, given: JsonObject, changes: JsonObject) -> JsonObject:
    """Make the changes of a request, also those that cost or save money."""
    if "discounts" in given:
        discounts = new_discounts(account, body, given["discounts"])
        body = account.change(body, "customer.subscription.updated", discounts=discounts)
    wanted = wanted_change(account, body, given, changes)
    if wanted is None:
        return account.change(body, "customer.subscription.updated", **changes)
    if body["pending_update"] is not None:
        raise ApiError("This subscription has a pending update: pay or void its invoice first.", param="items")
    return change(account, body, wanted, payment=given.get("payment_behavior", "allow_incomplete"))


def wanted_change(account: Account, body: JsonObject, given: JsonObject, changes: JsonObject) -> Change | None:
    """The change of items, anchor or trial that a request asks for; None when it asks for none."""
    trial_end = given.get("trial_end")
    if "items" not in given and trial_end is None and given.get("billing_cycle_anchor") != "now":
        return None
    others = dict(changes)
    if trial_end is not None:
        others |= _trial(account, body, trial_end)
    return change_to(
        account,
        body,
        _items(account, body, given.get("items", [])),
        given.get("proration_behavior", "create_prorations"),
        fresh=trial_end is not None or given.get("billing_cycle_anchor") == "now",
        at=_proration_date(account, body, given),
        trial_end=others.get("trial_end") if trial_end not in (None, "now") else None,
        others=others,
    )


def ending(account: Account, body: JsonObject, given: JsonObject) -> JsonObject:
    """The fields that say when a subscription ends, as a request wants them."""
    if body["schedule"] is not None:
        raise ApiError(_MANAGED.format(body["schedule"]), param="cancel_at_period_end")
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


def _trial(account: Account, body: JsonObject, trial_end: int | str) -> JsonObject:
    now = account.now()
    if isinstance(trial_end, str):
        return {"status": "active" if body["status"] == "trialing" else body["status"], "trial_end": now}
    if trial_end <= now:
        raise ApiError("Invalid timestamp: must be an integer Unix timestamp in the future.", param="trial_end")
    account.later(max(now, trial_end - 3 * 86_400), "trial_will_end", body["id"])
    return {"status": "trialing", "trial_end": trial_end, "trial_start": body["trial_start"] or now}


def _proration_date(account: Account, body: JsonObject, given: JsonObject) -> int:
    at: int = given.get("proration_date", account.now())
    item = body["items"]["data"][0]
    if not item["current_period_start"] <= at <= item["current_period_end"]:
        message = "Invalid proration_date: it must lie within the current billing period."
        raise ApiError(message, param="proration_date")
    return at


def _items(account: Account, body: JsonObject, asked: list[JsonObject]) -> list[JsonObject]:
    items: dict[str, JsonObject] = {item["id"]: item for item in body["items"]["data"]}
    for index, each in enumerate(asked):
        path = f"items[{index}]"
        if "id" not in each:
            added = _added(account, body, each, path)
            items[added["id"]] = added
        elif each["id"] not in items:
            raise ApiError(f"No such subscription item: '{each['id']}'", code="resource_missing", param=f"{path}[id]")
        elif each.get("deleted"):
            del items[each["id"]]
        else:
            items[each["id"]] = _changed(account, items[each["id"]], each, path)
    if not items:
        raise ApiError("A subscription must have at least one active plan.", param="items")
    rhythms = {(item["price"]["recurring"]["interval"], item["price"]["currency"]) for item in items.values()}
    if len(rhythms) > 1:
        raise ApiError("All prices on a subscription must have the same interval and currency.", param="items")
    return list(items.values())


def _changed(account: Account, item: JsonObject, asked: JsonObject, path: str) -> JsonObject:
    price = item["price"]
    if "price" in asked:
        price = _sold(account, asked["price"], f"{path}[price]")
    quantity: int = asked["quantity"] if "quantity" in asked else item["quantity"]
    return with_price(item, price, quantity)


def _added(account: Account, body: JsonObject, asked: JsonObject, path: str) -> JsonObject:
    if "price" not in asked:
        raise invalid(f"Missing required param: {path}[price].", param=f"{path}[price]", code="parameter_missing")
    present = body["items"]["data"]
    price = _sold(account, asked["price"], f"{path}[price]")
    if any(item["price"]["id"] == price["id"] for item in present):
        message = f"Cannot add multiple subscription items with the same plan: {price['id']}"
        raise ApiError(message, param=f"{path}[price]")
    period = (present[0]["current_period_start"], present[0]["current_period_end"])
    return subscription_item(
        new_id("si"),
        account.now(),
        subscription_id=body["id"],
        price=price,
        quantity=asked.get("quantity", 1),
        period=period,
    )


def _sold(account: Account, price_id: str, param: str) -> JsonObject:
    price = account.fetch("price", price_id, param)
    if not price["active"]:
        raise ApiError(f"The price specified is inactive: {price_id}", param=param)
    return price


def new_discounts(account: Account, body: JsonObject, asked: list[JsonObject] | None) -> list[str]:
    """The given discounts take the place of those there were."""
    now = account.now()
    for old in running(account, body["discounts"], now):
        account.change(old, end=now)
    ids: list[str] = []
    for each in asked or ():
        coupon_id, code = redeemable(account, each, body["customer"])
        given: dict[str, Any] = {"coupon": coupon_id, "promotion_code": code, "session": None}
        end = ends_at(account.fetch("coupon", coupon_id), now)
        made = discount(now, customer=body["customer"], subscription=body["id"], end=end, **given)
        ids.append(grant(account, made)["id"])
    return ids
