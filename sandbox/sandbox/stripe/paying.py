"""What the Pay button does: one attempt with one card. Subscription and invoice exist only after it went through."""

from dataclasses import dataclass

from sandbox.stripe.account import Account
from sandbox.stripe.billing import Order, Payer, settle, start_subscription
from sandbox.stripe.cards import Card, Decline
from sandbox.stripe.errors import JsonObject
from sandbox.stripe.ids import new_id
from sandbox.stripe.objects.payments import billing_details, charge, payment_intent, payment_method
from sandbox.stripe.objects.sessions import customer_details
from sandbox.stripe.operations.customers import create_customer


@dataclass(frozen=True, slots=True)
class Form:
    """What the payer typed; lives as long as the request."""

    email: str
    name: str
    card: Card


def pay(account: Account, session: JsonObject, form: Form) -> Decline | None:
    """Settle an open session, or say why the card was refused."""
    with account.acting():
        intent = _intent(account, session)
        if form.card.decline is not None:
            _refuse(account, intent, form, form.card.decline)
            return form.card.decline
        _complete(account, session, intent, form)
        return None


def _intent(account: Account, session: JsonObject) -> JsonObject:
    """One per session: a second try after a decline goes on with the same."""
    private = account.store.private(session["id"])
    if "payment_intent" in private:
        return account.fetch("payment_intent", private["payment_intent"])
    intent = payment_intent(
        account.now(),
        amount=session["amount_total"],
        currency=session["currency"],
        customer=session["customer"],
        description="Subscription creation",
    )
    account.emit("payment_intent.created", account.keep(intent))
    account.store.set_private(session["id"], {**private, "payment_intent": intent["id"]})
    return intent


def _refuse(account: Account, intent: JsonObject, form: Form, decline: Decline) -> None:
    """The refused card stays as a payment method of nobody."""
    method = account.keep(_method(account, form, None))
    error = {"code": decline.code, "message": decline.message, "decline_code": decline.decline_code}
    failed = account.keep(charge(account.now(), intent, method, {**error, "advice_code": decline.advice_code}))
    account.emit("charge.failed", failed)
    intent = account.change(intent, latest_charge=failed["id"], last_payment_error=decline.error(method, failed["id"]))
    account.emit("payment_intent.payment_failed", intent)


def _complete(account: Account, session: JsonObject, intent: JsonObject, form: Form) -> None:
    if session["customer"] is None:
        customer = create_customer(account, {"email": form.email, "name": form.name or None})
    else:
        customer = account.fetch("customer", session["customer"])
        if customer["email"] is None:
            customer = account.change(customer, "customer.updated", email=form.email)
    method = account.keep(_method(account, form, customer["id"]))
    intent = settle(account, intent, method)
    private = account.store.private(session["id"])
    order = Order(new_id("sub"), new_id("in"), private["line_items"], private["subscription_data"])
    # Stripe tells of the session first and of what came of it after.
    account.change(
        session,
        "checkout.session.completed",
        collected_information={"business_name": None, "individual_name": None, "shipping_details": None},
        customer=customer["id"],
        customer_details=customer_details(customer["email"] or form.email, form.name or None),
        invoice=order.invoice_id,
        payment_status="paid",
        status="complete",
        subscription=order.subscription_id,
        url=None,
    )
    account.emit("payment_method.attached", method)
    start_subscription(account, Payer(customer, method), intent, order)


def _method(account: Account, form: Form, customer: str | None) -> JsonObject:
    return payment_method(
        account.now(),
        customer=customer,
        brand=form.card.brand,
        last4=form.card.last4,
        expiry=form.card.expiry,
        payer=billing_details(form.email, form.name or None),
    )
