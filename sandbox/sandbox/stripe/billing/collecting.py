"""Money for an invoice: finalized, attempted, paid, or failed and tried again; what that makes of its subscription."""

from sandbox.stripe.account import Account
from sandbox.stripe.billing.charging import attempt
from sandbox.stripe.billing.ending import end_subscription
from sandbox.stripe.billing.policy import policy_of
from sandbox.stripe.errors import JsonObject
from sandbox.stripe.objects.payments import invoice_payment, payment_intent
from sandbox.stripe.operations.call import equal

_DAY = 86_400
_DESCRIPTIONS = {"subscription_create": "Subscription creation"}


def finalize(account: Account, invoice: JsonObject, intent: JsonObject | None = None) -> JsonObject:
    """Number the invoice, take the balance into account and open the payment; `intent` has paid it already."""
    now = account.now()
    customer = account.fetch("customer", invoice["customer"])
    sequence = customer["next_invoice_sequence"]
    ending = _balance_after(invoice)
    changed = customer["currency"] is None or ending != customer["balance"]
    account.change(
        customer,
        "customer.updated" if changed else None,
        next_invoice_sequence=sequence + 1,
        currency=customer["currency"] or invoice["currency"],
        balance=ending,
    )
    invoice = account.change(
        invoice,
        "invoice.finalized",
        status="open",
        number=f"{customer['invoice_prefix']}-{sequence:04d}",
        effective_at=now,
        ending_balance=ending,
        hosted_invoice_url=f"{account.public_url}/i/{invoice['id']}",
        status_transitions={**invoice["status_transitions"], "finalized_at": now},
    )
    if invoice["amount_due"] > 0:
        account.keep(invoice_payment(now, invoice, (intent or _open_intent(account, invoice))["id"]))
    return invoice


def pay(account: Account, invoice: JsonObject, method: JsonObject | None, *, typed: bool = False) -> JsonObject:
    """Try to pay an open invoice with a card; without one the attempt fails."""
    if invoice["amount_due"] == 0:
        return mark_paid(account, invoice)
    if method is None:
        return _failed(account, invoice)
    intent, _ = attempt(account, intent_of(account, invoice), method, typed=typed)
    if intent["status"] == "succeeded":
        return mark_paid(account, invoice, intent)
    if intent["status"] == "requires_action":
        account.emit("invoice.payment_action_required", invoice)
    return _failed(account, invoice)


def mark_paid(account: Account, invoice: JsonObject, intent: JsonObject | None = None) -> JsonObject:
    """The money came: tell of it in Stripe's order, and what it makes of the subscription."""
    now = account.now()
    payment = None
    if intent is not None:
        account.emit("charge.succeeded", account.fetch("charge", intent["latest_charge"]))
        payment = _payment_of(account, invoice)
        moments = {**payment["status_transitions"], "paid_at": now}
        account.change(
            payment,
            "invoice_payment.paid",
            status="paid",
            amount_paid=invoice["amount_due"],
            status_transitions=moments,
        )
    invoice = account.change(
        invoice,
        status="paid",
        amount_paid=invoice["amount_due"],
        amount_remaining=0,
        attempt_count=invoice["attempt_count"] + (intent is not None),
        attempted=True,
        auto_advance=False,
        next_payment_attempt=None,
        status_transitions={**invoice["status_transitions"], "paid_at": now},
    )
    account.emit("invoice.paid", invoice)
    account.emit("invoice.payment_succeeded", invoice)
    if intent is not None:
        account.emit("payment_intent.succeeded", intent)
    _recover(account, invoice)
    return invoice


def mark_unauthenticated(account: Account, invoice: JsonObject) -> JsonObject:
    """Its holder did not prove who they are."""
    return _failed(account, invoice)


def intent_of(account: Account, invoice: JsonObject) -> JsonObject:
    return account.fetch("payment_intent", _payment_of(account, invoice)["payment"]["payment_intent"])


def invoice_of(account: Account, intent: JsonObject) -> JsonObject | None:
    """The invoice that an intent shall pay; a Checkout payment has none before it succeeds."""
    found = account.store.page("invoice_payment", [equal("payment.payment_intent", intent["id"])], limit=1).bodies
    return account.fetch("invoice", found[0]["invoice"]) if found else None


def method_for(account: Account, body: JsonObject) -> JsonObject | None:
    """The card that a subscription is charged to: its own or its customer's."""
    own = body["default_payment_method"]
    settings = account.fetch("customer", body["customer"])["invoice_settings"]
    chosen = own or settings["default_payment_method"]
    return None if chosen is None else account.fetch("payment_method", chosen)


def retry(account: Account, invoice: JsonObject) -> JsonObject:
    """The next attempt is due."""
    return pay(account, invoice, method_for(account, subscription_of(account, invoice)))


def subscription_of(account: Account, invoice: JsonObject) -> JsonObject:
    return account.fetch("subscription", invoice["parent"]["subscription_details"]["subscription"])


def _open_intent(account: Account, invoice: JsonObject) -> JsonObject:
    opened = payment_intent(
        account.now(),
        amount=invoice["amount_due"],
        currency=invoice["currency"],
        customer=invoice["customer"],
        description=_DESCRIPTIONS.get(invoice["billing_reason"], "Subscription update"),
    )
    account.emit("payment_intent.created", account.keep(opened))
    return opened


def _payment_of(account: Account, invoice: JsonObject) -> JsonObject:
    [payment] = account.store.page("invoice_payment", [equal("invoice", invoice["id"])], limit=1).bodies
    return payment


def _balance_after(invoice: JsonObject) -> int:
    """What an invoice gives back becomes credit; credit pays what it can; a debt is asked for and gone."""
    before: int = invoice["starting_balance"]
    total: int = invoice["total"]
    if total < 0:
        return before + total
    return before + min(total, -before) if before < 0 else 0


def _failed(account: Account, invoice: JsonObject) -> JsonObject:
    attempts = invoice["attempt_count"] + 1
    body = subscription_of(account, invoice)
    first = body["status"] == "incomplete"
    waits = () if first or body["pending_update"] is not None else policy_of(account.store).retry_days
    again = account.now() + waits[attempts - 1] * _DAY if attempts <= len(waits) else None
    if (invoice["next_payment_attempt"] or 0) > account.now():
        again = invoice["next_payment_attempt"]  # somebody tried in between: the plan stays
    invoice = account.change(invoice, attempt_count=attempts, attempted=True, next_payment_attempt=again)
    account.emit("invoice.payment_failed", invoice)
    if first or body["pending_update"] is not None:
        return invoice
    if body["status"] in ("active", "trialing"):
        body = account.change(body, "customer.subscription.updated", status="past_due")
    if again is None and body["status"] == "past_due":
        _give_up(account, body)
    return account.fetch("invoice", invoice["id"])


def _give_up(account: Account, body: JsonObject) -> None:
    match policy_of(account.store).after_last_retry:
        case "cancel":
            end_subscription(account, body, reason="payment_failed")
        case "unpaid":
            account.change(body, "customer.subscription.updated", status="unpaid")
        case "past_due":
            pass


def _recover(account: Account, invoice: JsonObject) -> None:
    body = subscription_of(account, invoice)
    if body["pending_update"] is not None and account.store.private(body["id"]).get("pending_invoice") == invoice["id"]:
        _apply_pending(account, body)
    elif body["latest_invoice"] == invoice["id"] and body["status"] in ("incomplete", "past_due", "unpaid"):
        status = "trialing" if body["trial_end"] is not None and body["trial_end"] > account.now() else "active"
        account.change(body, "customer.subscription.updated", status=status)


def _apply_pending(account: Account, body: JsonObject) -> None:
    """The change that waited for its payment happens now."""
    private = account.store.private(body["id"])
    changes = private.pop("pending_changes")
    debits = private.pop("pending_debits")
    private.pop("pending_invoice")
    account.store.set_private(body["id"], {**private, "debits": debits})
    body = account.change(body, "customer.subscription.updated", **changes, pending_update=None)
    account.emit("customer.subscription.pending_update_applied", body)
