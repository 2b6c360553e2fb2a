"""What the customer portal shows of a customer."""

from sandbox.stripe.account import LIVE_STATUSES, Account
from sandbox.stripe.billing.discounts import running
from sandbox.stripe.errors import JsonObject
from sandbox.stripe.objects.invoices import rate
from sandbox.stripe.store import Condition
from sandbox.stripe.views import KINDS, card_words, invoice_row, moment


def portal_view(account: Account, customer_id: str) -> JsonObject:
    mine = [Condition("customer = ?", (customer_id,))]
    customer = account.fetch("customer", customer_id)
    subscriptions = account.store.page("subscription", mine).bodies
    shown = [body for body in subscriptions if body["status"] != "incomplete_expired"]
    return {
        "email": customer["email"],
        "subscriptions": [_subscription(account, body) for body in shown],
        "card": _card(account, customer, subscriptions),
        "invoices": [invoice_row(body) for body in account.store.page("invoice", mine, limit=12).bodies],
    }


def _subscription(account: Account, body: JsonObject) -> JsonObject:
    item = body["items"]["data"][0]
    live = body["status"] in LIVE_STATUSES
    discounts = running(account, body["discounts"], account.now()) if live else []
    return {
        "id": body["id"],
        "name": account.fetch("product", item["price"]["product"])["name"],
        "amount": rate(item["price"], item["quantity"]),
        "status": body["status"].replace("_", " "),
        "kind": KINDS.get(body["status"], "plain"),
        "live": live,
        "trialing": body["status"] == "trialing",
        "ending": body["cancel_at"] is not None,
        "until": moment(body["ended_at"] or body["cancel_at"] or item["current_period_end"]),
        "later": _later(account, body),
        "saves": [_saving(account, discount) for discount in discounts],
    }


def _later(account: Account, body: JsonObject) -> JsonObject | None:
    """What a schedule will put in the place of what there is now."""
    if body["schedule"] is None:
        return None
    schedule = account.fetch("subscription_schedule", body["schedule"])
    coming = [each for each in schedule["phases"] if each["start_date"] > account.now()]
    if not coming:
        return None
    price = account.fetch("price", coming[0]["items"][0]["price"])
    name = account.fetch("product", price["product"])["name"]
    return {"name": name, "amount": rate(price), "at": moment(coming[0]["start_date"])}


def _saving(account: Account, discount: JsonObject) -> str:
    coupon = account.fetch("coupon", discount["source"]["coupon"])
    if coupon["percent_off"] is not None:
        return f"{coupon['percent_off']:g} % off"
    return f"{coupon['amount_off'] / 100:.2f} {coupon['currency'].upper()} off"


def _card(account: Account, customer: JsonObject, subscriptions: list[JsonObject]) -> str | None:
    own = [body["default_payment_method"] for body in subscriptions if body["status"] in LIVE_STATUSES]
    chosen = next((each for each in own if each), customer["invoice_settings"]["default_payment_method"])
    return None if chosen is None else card_words(account.fetch("payment_method", chosen))
