"""How pages word what the account holds."""

from datetime import UTC, datetime

from sandbox.stripe.errors import JsonObject
from sandbox.stripe.objects.invoices import money

KINDS = {
    "active": "good",
    "trialing": "good",
    "paid": "good",
    "past_due": "warn",
    "incomplete": "warn",
    "unpaid": "bad",
    "open": "warn",
    "canceled": "bad",
    "incomplete_expired": "bad",
}


def moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def card_words(method: JsonObject) -> str:
    card = method["card"]
    return f"{card['brand'].capitalize()} ending in {card['last4']}, until {card['exp_month']:02d} / {card['exp_year']}"


def invoice_row(body: JsonObject) -> JsonObject:
    return {
        "id": body["id"],
        "number": body["number"] or "draft",
        "customer": body["customer_email"] or body["customer"],
        "total": money(body["total"], body["currency"]),
        "status": body["status"],
        "kind": KINDS.get(body["status"], "plain"),
        "created": moment(body["created"]),
        "address": f"/i/{body['id']}",
    }
