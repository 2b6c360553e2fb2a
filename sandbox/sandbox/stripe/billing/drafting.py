"""Invoices in the making: lines of the period that begins, lines of what was prorated, discounts, balance."""

from dataclasses import dataclass

from sandbox.stripe.account import Account
from sandbox.stripe.billing.discounts import net, running, taken_off
from sandbox.stripe.billing.proration import Debit
from sandbox.stripe.errors import JsonObject
from sandbox.stripe.objects.invoices import draft_invoice, item_line, period_line
from sandbox.stripe.operations.call import equal
from sandbox.stripe.store import Condition


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why an invoice is made: Stripe's `billing_reason`, and the period that it looks back on."""

    invoice_id: str
    reason: str
    covered: tuple[int, int]


def draft(account: Account, body: JsonObject, occasion: Occasion, *, periods: bool = True) -> JsonObject:
    """Draft the invoice of a subscription: items whose period begins now (if `periods`) and all that is pending."""
    now = account.now()
    customer = account.fetch("customer", body["customer"])
    discounts = running(account, body["discounts"], now)
    lines = _pending_lines(account, body, occasion.invoice_id)
    if periods:
        lines += taken_off(account, _period_lines(account, body, occasion.invoice_id), discounts)
        _remember_debits(account, body, lines)
    invoice = draft_invoice(
        occasion.invoice_id,
        now,
        customer=customer,
        subscription=body,
        lines=lines,
        reason=occasion.reason,
        covered=occasion.covered,
        discounts=[discount["id"] for discount in discounts],
    )
    return account.keep(invoice)


def spend_once_discounts(account: Account, invoice: JsonObject) -> None:
    """A coupon that lasts for one invoice is gone after the first from which it took something."""
    spent = [part["discount"] for part in invoice["total_discount_amounts"] if part["amount"] > 0]
    body = account.fetch("subscription", invoice["parent"]["subscription_details"]["subscription"])
    left = []
    for discount in running(account, body["discounts"], account.now()):
        once = account.fetch("coupon", discount["source"]["coupon"])["duration"] == "once"
        if once and discount["id"] in spent:
            account.change(discount, end=account.now())
        else:
            left.append(discount["id"])
    account.change(body, discounts=left)


def _period_lines(account: Account, body: JsonObject, invoice_id: str) -> list[JsonObject]:
    now = account.now()
    lines = []
    for item in body["items"]["data"]:
        if item["current_period_start"] != now:
            continue
        name = account.fetch("product", item["price"]["product"])["name"]
        lines.append(
            period_line(
                invoice_id, item, product_name=name, metadata=body["metadata"], trial=body["status"] == "trialing"
            )
        )
    return lines


def pending_items(account: Account, subscription_id: str) -> list[JsonObject]:
    """What waits for the next invoice of a subscription, oldest first."""
    mine = equal("parent.subscription_details.subscription", subscription_id)
    waiting = Condition("json_extract(body, '$.invoice') IS NULL")
    return account.store.page("invoiceitem", [mine, waiting]).bodies[::-1]


def _pending_lines(account: Account, body: JsonObject, invoice_id: str) -> list[JsonObject]:
    lines = []
    for pending in pending_items(account, body["id"]):
        account.change(pending, invoice=invoice_id)
        price = account.fetch("price", pending["pricing"]["price_details"]["price"])
        lines.append(item_line(invoice_id, pending, price))
    return lines


def _remember_debits(account: Account, body: JsonObject, lines: list[JsonObject]) -> None:
    """What each item was charged for its period is what a later change gives credit for."""
    private = account.store.private(body["id"])
    debits = dict(private.get("debits", {}))
    for line in lines:
        details = line["parent"]["subscription_item_details"]
        if not details["proration"]:
            span = line["period"]
            debits[details["subscription_item"]] = Debit(net(line), span["start"], span["end"]).body()
    account.store.set_private(body["id"], {**private, "debits": debits})
