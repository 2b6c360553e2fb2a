"""What the next invoice will say: the change is really made, read, and undone, so that a preview cannot differ."""

from sandbox.stripe import params
from sandbox.stripe.account import LIVE_STATUSES, Account
from sandbox.stripe.billing.changes import invoice_now, keep_change
from sandbox.stripe.billing.drafting import Occasion, draft
from sandbox.stripe.billing.lifecycle import Order, begin, next_period
from sandbox.stripe.errors import ApiError, JsonObject, invalid
from sandbox.stripe.ids import random_text
from sandbox.stripe.operations.call import Call
from sandbox.stripe.operations.changing import new_discounts, wanted_change
from sandbox.stripe.operations.redeeming import redeemable
from sandbox.stripe.operations.subscription_specs import CHANGE, DISCOUNTS
from sandbox.stripe.operations.subscriptions import active_price, trial_end_of
from sandbox.stripe.params import Spec


def create_preview(account: Account, call: Call) -> JsonObject:
    given = call.params
    with account.store.undone():
        invoice = _of_running(account, given) if "subscription" in given else _of_new(account, given)
    return {**invoice, "id": f"upcoming_in_{random_text(24)}", "webhooks_delivered_at": None}


def _of_running(account: Account, given: JsonObject) -> JsonObject:
    body = account.fetch("subscription", given["subscription"], "subscription")
    if body["status"] not in LIVE_STATUSES:
        raise ApiError("You cannot preview the invoice of a canceled subscription.", code="invoice_upcoming_none")
    details = given.get("subscription_details", {})
    if "discounts" in given:
        body = account.change(body, discounts=new_discounts(account, body, given["discounts"]))
    wanted = wanted_change(account, body, details, {})
    if wanted is not None:
        body = keep_change(account, body, wanted)
        if wanted.fresh or wanted.invoice:
            found = invoice_now(account, body, wanted)
            if found is not None:
                return found
    if body["cancel_at"] is not None or details.get("cancel_at_period_end"):
        raise ApiError("No upcoming invoices for a subscription that ends.", status=404, code="invoice_upcoming_none")
    return _at_period_end(account, body)


def _of_new(account: Account, given: JsonObject) -> JsonObject:
    """The first invoice of a subscription that does not exist."""
    details = given.get("subscription_details", {})
    if "customer" not in given or not details.get("items"):
        message = "Give a subscription, or a customer and subscription_details[items]."
        raise invalid(message, param="subscription", code="parameter_missing")
    customer = account.fetch("customer", given["customer"], "customer")
    lines = [
        {
            "price": active_price(account, item.get("price", ""), f"subscription_details[items][{index}][price]"),
            "quantity": item.get("quantity", 1),
        }
        for index, item in enumerate(details["items"])
    ]
    discounts = tuple(redeemable(account, each, customer["id"]) for each in given.get("discounts") or ())
    order = Order(customer["id"], lines, {}, trial_end=trial_end_of(account, details), discounts=discounts)
    body = begin(account, order, status="active")
    now = account.now()
    return draft(account, body, Occasion(order.invoice_id, "subscription_create", (now, now)))


def _at_period_end(account: Account, body: JsonObject) -> JsonObject:
    item = body["items"]["data"][0]
    covered = (item["current_period_start"], item["current_period_end"])
    with account.clock.held_at(item["current_period_end"]):
        body = next_period(account, body, body["latest_invoice"])
        occasion = Occasion(f"upcoming_{body['id']}", "upcoming", covered)
        return draft(account, body, occasion)


PREVIEW: Spec = {
    "customer": params.text,
    "discounts": DISCOUNTS,
    "preview_mode": params.choice("next"),
    "subscription": params.text,
    "subscription_details": params.group(CHANGE),
}
