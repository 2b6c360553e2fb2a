"""What Stripe does by itself: bill a subscription, renew it, end it, and expire what was left open."""

from dataclasses import dataclass
from typing import Any

from sandbox.stripe.account import Account
from sandbox.stripe.errors import JsonObject
from sandbox.stripe.ids import new_id
from sandbox.stripe.objects.invoices import draft_invoice, invoice_line
from sandbox.stripe.objects.payments import charge, invoice_payment, payment_intent
from sandbox.stripe.objects.subscriptions import subscription, subscription_item
from sandbox.stripe.periods import period_end


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays and with what."""

    customer: JsonObject
    method: JsonObject


@dataclass(frozen=True, slots=True)
class Order:
    """What was bought, with the ids that the Checkout session already names."""

    subscription_id: str
    invoice_id: str
    lines: list[JsonObject]
    settings: JsonObject


def start_subscription(account: Account, payer: Payer, intent: JsonObject, order: Order) -> JsonObject:
    """A subscription and its first invoice, made after the payment `intent` went through."""
    now = account.now()
    items = []
    for line in order.lines:
        price = line["price"]
        period = (now, period_end(now, now, price["recurring"]))
        items.append(
            subscription_item(
                new_id("si"),
                now,
                subscription_id=order.subscription_id,
                price=price,
                quantity=line["quantity"],
                period=period,
            )
        )
    body = subscription(
        order.subscription_id,
        now,
        customer=payer.customer["id"],
        currency=order.lines[0]["price"]["currency"],
        items=items,
        payment_method=payer.method["id"],
        description=order.settings.get("description"),
        metadata=order.settings.get("metadata") or {},
    )
    body["latest_invoice"] = order.invoice_id
    account.keep(body)
    account.emit("customer.subscription.created", body)
    _bill(account, payer, body, order.invoice_id, "subscription_create", (now, now), intent)
    return body


def renew(account: Account, body: JsonObject) -> JsonObject:
    """Items whose period is over get the next one, paid by the subscription's card."""
    now = account.now()
    items = []
    for item in body["items"]["data"]:
        start = item["current_period_end"]
        if start <= now:
            end = period_end(body["billing_cycle_anchor"], start, item["price"]["recurring"])
            items.append({**item, "current_period_start": start, "current_period_end": end})
        else:
            items.append(item)
    before = body["items"]["data"][0]
    invoice_id = new_id("in")
    body = account.change(
        body,
        "customer.subscription.updated",
        items={**body["items"], "data": items},
        latest_invoice=invoice_id,
    )
    payer = Payer(
        account.fetch("customer", body["customer"]), account.fetch("payment_method", body["default_payment_method"])
    )
    covered = (before["current_period_start"], before["current_period_end"])
    _bill(account, payer, body, invoice_id, "subscription_cycle", covered)
    return body


def end_subscription(account: Account, body: JsonObject, **details: Any) -> JsonObject:
    """The end of access: status canceled. A cancellation asked for earlier keeps the time it was asked."""
    now = account.now()
    return account.change(
        body,
        "customer.subscription.deleted",
        status="canceled",
        ended_at=now,
        canceled_at=body["canceled_at"] or now,
        cancel_at_period_end=False if details else body["cancel_at_period_end"],
        cancellation_details={**body["cancellation_details"], "reason": "cancellation_requested", **details},
    )


def expire_session(account: Account, body: JsonObject) -> JsonObject:
    return account.change(body, "checkout.session.expired", status="expired", url=None)


def run_due(account: Account, until: int) -> int:
    """Everything that time brings up to `until`, in order, each at its own second; the number of things done."""
    done = 0
    while (due := account.store.next_due(until)) is not None:
        moment, body = due
        with account.clock.held_at(moment), account.acting():
            _fall_due(account, body)
        done += 1
    return done


def _fall_due(account: Account, body: JsonObject) -> None:
    if body["object"] == "checkout.session":
        expire_session(account, body)
    elif body["cancel_at"] is not None and body["cancel_at"] <= account.now():
        end_subscription(account, body)
    else:
        renew(account, body)


def settle(account: Account, intent: JsonObject, method: JsonObject) -> JsonObject:
    """The charge goes through: the intent succeeds. The caller sends the events, in Stripe's order."""
    intent = {**intent, "customer": method["customer"]}
    made = account.keep(charge(account.now(), intent, method, None))
    return account.change(
        intent,
        status="succeeded",
        amount_received=intent["amount"],
        payment_method=method["id"],
        latest_charge=made["id"],
        last_payment_error=None,
    )


def _bill(
    account: Account,
    payer: Payer,
    body: JsonObject,
    invoice_id: str,
    reason: str,
    covered: tuple[int, int],
    paid_intent: JsonObject | None = None,
) -> None:
    now = account.now()
    invoice = _draft(account, payer.customer, body, invoice_id, reason, covered)
    account.emit("invoice.created", invoice)
    invoice = _finalize(account, payer.customer, invoice)
    intent = paid_intent
    if intent is None:
        opened = payment_intent(
            now,
            amount=invoice["total"],
            currency=invoice["currency"],
            customer=payer.customer["id"],
            description="Subscription update",
        )
        account.emit("payment_intent.created", account.keep(opened))
        intent = settle(account, opened, payer.method)
    payment = account.keep(invoice_payment(now, invoice, intent["id"]))
    invoice = account.change(
        invoice,
        status="paid",
        amount_paid=invoice["amount_due"],
        amount_remaining=0,
        attempt_count=1,
        attempted=True,
        auto_advance=False,
        status_transitions={**invoice["status_transitions"], "paid_at": now},
    )
    account.emit("charge.succeeded", account.fetch("charge", intent["latest_charge"]))
    account.emit("invoice_payment.paid", payment)
    account.emit("invoice.paid", invoice)
    account.emit("invoice.payment_succeeded", invoice)
    account.emit("payment_intent.succeeded", intent)


def _draft(
    account: Account, customer: JsonObject, body: JsonObject, invoice_id: str, reason: str, covered: tuple[int, int]
) -> JsonObject:
    now = account.now()
    lines = []
    for item in body["items"]["data"]:
        if item["current_period_start"] != now:
            continue
        name = account.fetch("product", item["price"]["product"])["name"]
        period = (item["current_period_start"], item["current_period_end"])
        lines.append(invoice_line(invoice_id, item, product_name=name, metadata=body["metadata"], period=period))
    return account.keep(
        draft_invoice(
            invoice_id, now, customer=customer, subscription=body, lines=lines, reason=reason, covered=covered
        )
    )


def _finalize(account: Account, customer: JsonObject, invoice: JsonObject) -> JsonObject:
    """Numbers count up per customer; the currency of the first invoice becomes the customer's."""
    now = account.now()
    customer = account.fetch("customer", customer["id"])
    sequence = customer["next_invoice_sequence"]
    first = customer["currency"] is None
    account.change(
        customer,
        "customer.updated" if first else None,
        next_invoice_sequence=sequence + 1,
        currency=customer["currency"] or invoice["currency"],
    )
    return account.change(
        invoice,
        "invoice.finalized",
        status="open",
        number=f"{customer['invoice_prefix']}-{sequence:04d}",
        effective_at=now,
        ending_balance=0,
        hosted_invoice_url=f"{account.public_url}/i/{invoice['id']}",
        status_transitions={**invoice["status_transitions"], "finalized_at": now},
    )
