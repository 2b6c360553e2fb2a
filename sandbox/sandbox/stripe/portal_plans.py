"""Another plan from the portal: dearer ones begin now, cheaper ones when the paid period ends."""

from typing import Any

from sandbox.stripe.account import Account
from sandbox.stripe.billing import collecting
from sandbox.stripe.errors import ApiError, JsonObject
from sandbox.stripe.objects.invoices import money, rate
from sandbox.stripe.operations.call import Call, equal
from sandbox.stripe.operations.previews import create_preview
from sandbox.stripe.operations.schedules import create_schedule, update_schedule
from sandbox.stripe.operations.subscriptions import update_subscription
from sandbox.stripe.views import moment

_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}


def offers(account: Account, body: JsonObject) -> list[JsonObject]:
    """All prices on sale in the subscription's currency, cheapest first."""
    now = body["items"]["data"][0]["price"]
    prices = account.store.page("price", [equal("active", 1), equal("currency", body["currency"])]).bodies
    return [
        {
            "id": price["id"],
            "name": account.fetch("product", price["product"])["name"],
            "amount": rate(price),
            "current": price["id"] == now["id"],
        }
        for price in sorted(prices, key=lambda price: price["unit_amount"])
    ]


def preview_of(account: Account, body: JsonObject, price_id: str) -> JsonObject | None:
    """What the change to a price costs; None for a price that cannot be chosen."""
    price = account.store.find(price_id)
    if price is None or price["object"] != "price" or not price["active"]:
        return None
    named = {"price": price_id, "name": account.fetch("product", price["product"])["name"], "amount": rate(price)}
    if _waits(body, price):
        at = moment(body["items"]["data"][0]["current_period_end"])
        return {**named, "lines": [], "due": money(0, price["currency"]), "at": at}
    details: dict[str, Any] = {"items": [_item(body, price_id)], "proration_behavior": "always_invoice"}
    with account.acting():
        invoice = create_preview(account, Call({}, {"subscription": body["id"], "subscription_details": details}))
    lines = [
        {"text": line["description"], "amount": money(line["amount"], line["currency"])}
        for line in invoice["lines"]["data"]
    ]
    return {**named, "lines": lines, "due": money(invoice["amount_due"], invoice["currency"]), "at": None}


def change_plan(account: Account, body: JsonObject, price_id: str) -> str | None:
    """Make the change; the address of the bank's page when the card's holder has to confirm its payment first.

    Raises ApiError when the price cannot be chosen or its payment is declined.
    """
    price = account.fetch("price", price_id, "price")
    if price_id == body["items"]["data"][0]["price"]["id"]:
        return None
    if _waits(body, price):
        _later(account, body, price_id)
        return None
    given = {
        "items": [_item(body, price_id)],
        "payment_behavior": "pending_if_incomplete",
        "proration_behavior": "always_invoice",
    }
    body = update_subscription(account, body, given)
    if body["pending_update"] is None:
        return None
    invoice = account.fetch("invoice", account.store.private(body["id"])["pending_invoice"])
    intent = collecting.intent_of(account, invoice)
    if intent["status"] == "requires_action":
        return str(intent["next_action"]["redirect_to_url"]["url"])
    raise ApiError(intent["last_payment_error"]["message"], status=402, kind="card_error")


def _later(account: Account, body: JsonObject, price_id: str) -> None:
    if body["cancel_at"] is not None:
        body = update_subscription(account, body, {"cancel_at_period_end": False})
    schedule = create_schedule(account, Call({}, {"from_subscription": body["id"]}))
    running = schedule["phases"][0]
    present = [{"price": item["price"], "quantity": item["quantity"]} for item in running["items"]]
    phases: list[JsonObject] = [
        {"items": present, "end_date": running["end_date"]},
        {"items": [{"price": price_id}], "proration_behavior": "none"},
    ]
    update_schedule(account, Call({"id": schedule["id"]}, {"phases": phases}))


def _waits(body: JsonObject, price: JsonObject) -> bool:
    """Whether a price is lower by the day than what is paid now; a trial changes at once, as nothing was paid."""
    return body["status"] != "trialing" and _daily(price) < _daily(body["items"]["data"][0]["price"])


def _daily(price: JsonObject) -> float:
    recurring = price["recurring"]
    return float(price["unit_amount"] / (_DAYS[recurring["interval"]] * recurring["interval_count"]))


def _item(body: JsonObject, price_id: str) -> JsonObject:
    return {"id": body["items"]["data"][0]["id"], "price": price_id}
