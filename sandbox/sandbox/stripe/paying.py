"""What the Pay button does: one attempt with one card. Subscription and invoice exist only after it went through."""

from dataclasses import dataclass

from sandbox.stripe.account import Account
from sandbox.stripe.billing.charging import attempt, keep_method
from sandbox.stripe.billing.lifecycle import Order, begin, first_invoice
from sandbox.stripe.cards import BEHAVIOURS, Card, Decline
from sandbox.stripe.errors import JsonObject
from sandbox.stripe.ids import new_id
from sandbox.stripe.objects.payments import payment_intent, setup_intent
from sandbox.stripe.objects.sessions import customer_details
from sandbox.stripe.operations.customers import create_customer

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Form:
    """What the payer typed; lives as long as the request."""

    email: str
    name: str
    card: Card


@dataclass(frozen=True, slots=True)
class Outcome:
    """Neither field: it is settled. `authenticate_at`: where the card's holder has to prove who they are first."""

    declined: Decline | None = None
    authenticate_at: str | None = None


def pay(account: Account, session: JsonObject, form: Form) -> Outcome:
    """Try to settle an open session with a card."""
    with account.acting():
        method = keep_method(account, form.card, None, email=form.email, name=form.name or None)
        _remember(account, session, payer={"email": form.email, "name": form.name})
        if session["amount_total"] == 0:
            return _set_up(account, session, method)
        intent, declined = attempt(account, _intent(account, session), method, typed=True)
        if intent["status"] == "requires_action":
            return Outcome(authenticate_at=intent["next_action"]["redirect_to_url"]["url"])
        if declined is None:
            complete(account, session, intent)
        return Outcome(declined)


def complete(account: Account, session: JsonObject, intent: JsonObject) -> None:
    """The payment went through: what was ordered begins."""
    method = account.fetch("payment_method", intent["payment_method"])
    customer, method = _attached(account, session, method)
    intent = account.change(intent, customer=customer["id"])
    charge = account.fetch("charge", intent["latest_charge"])
    account.change(charge, customer=customer["id"])
    _begin(account, session, customer, method, intent)


def session_of(account: Account, intent: JsonObject) -> JsonObject | None:
    """The Checkout session that an intent belongs to."""
    session_id = account.store.private(intent["id"]).get("session")
    return None if session_id is None else account.fetch("checkout.session", session_id)


def _set_up(account: Account, session: JsonObject, method: JsonObject) -> Outcome:
    """Nothing to pay today: the card is only kept for later."""
    declined = BEHAVIOURS[account.store.private(method["id"])["behaviour"]].typed
    if declined is not None:
        return Outcome(declined)
    customer, method = _attached(account, session, method)
    intent = account.keep(setup_intent(account.now(), customer=customer["id"], method=method["id"]))
    account.emit("setup_intent.created", intent)
    account.emit("setup_intent.succeeded", intent)
    _begin(account, session, customer, method, None)
    return Outcome()


def _intent(account: Account, session: JsonObject) -> JsonObject:
    """One per session: a second try after a decline goes on with the same, at today's price."""
    private = account.store.private(session["id"])
    if "payment_intent" in private:
        return account.change(
            account.fetch("payment_intent", private["payment_intent"]), amount=session["amount_total"]
        )
    intent = payment_intent(
        account.now(),
        amount=session["amount_total"],
        currency=session["currency"],
        customer=session["customer"],
        description="Subscription creation",
    )
    account.keep(intent, {"session": session["id"]})
    account.emit("payment_intent.created", intent)
    _remember(account, session, payment_intent=intent["id"])
    return intent


def _attached(account: Account, session: JsonObject, method: JsonObject) -> tuple[JsonObject, JsonObject]:
    payer = account.store.private(session["id"])["payer"]
    if session["customer"] is None:
        customer = create_customer(account, {"email": payer["email"], "name": payer["name"] or None})
    else:
        customer = account.fetch("customer", session["customer"])
        if customer["email"] is None:
            customer = account.change(customer, "customer.updated", email=payer["email"])
    return customer, account.change(method, customer=customer["id"])


def _begin(
    account: Account, session: JsonObject, customer: JsonObject, method: JsonObject, intent: JsonObject | None
) -> None:
    order = _order(account, session, customer, method)
    private = account.store.private(session["id"])
    # Stripe tells of the session first and of what came of it after.
    account.change(
        session,
        "checkout.session.completed",
        collected_information={"business_name": None, "individual_name": None, "shipping_details": None},
        customer=customer["id"],
        customer_details=customer_details(
            customer["email"] or private["payer"]["email"], private["payer"]["name"] or None
        ),
        invoice=order.invoice_id,
        payment_status="no_payment_required" if intent is None else "paid",
        status="complete",
        subscription=order.subscription_id,
        url=None,
    )
    account.emit("payment_method.attached", method)
    body = begin(account, order, status="active")
    first_invoice(account, body, intent)


def _order(account: Account, session: JsonObject, customer: JsonObject, method: JsonObject) -> Order:
    private = account.store.private(session["id"])
    settings = private["subscription_data"]
    trial_end = settings.get("trial_end")
    if "trial_period_days" in settings:
        trial_end = account.now() + settings["trial_period_days"] * _DAY
    return Order(
        customer["id"],
        private["line_items"],
        settings,
        method["id"],
        new_id("sub"),
        new_id("in"),
        trial_end,
        tuple((coupon, code) for coupon, code in private.get("discounts", ())),
        session["id"],
    )


def _remember(account: Account, session: JsonObject, **values: object) -> None:
    account.store.set_private(session["id"], {**account.store.private(session["id"]), **values})
