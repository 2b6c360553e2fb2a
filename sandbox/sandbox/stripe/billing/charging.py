"""One attempt to charge one card: what the issuer says, by the behaviour of the test card."""

from sandbox.stripe.account import Account
from sandbox.stripe.cards import BEHAVIOURS, NOT_AUTHENTICATED, Behaviour, Card, Decline
from sandbox.stripe.errors import JsonObject
from sandbox.stripe.objects.payments import billing_details, charge, payment_method


def keep_method(
    account: Account, card: Card, customer: str | None, *, email: str | None, name: str | None
) -> JsonObject:
    """A payment method of a card; what is remembered of the number is how it behaves."""
    method = payment_method(
        account.now(),
        customer=customer,
        brand=card.brand,
        last4=card.last4,
        expiry=card.expiry,
        payer=billing_details(email, name),
    )
    return account.keep(method, {"behaviour": card.behaviour})


def behaviour_of(account: Account, method: JsonObject) -> Behaviour:
    return BEHAVIOURS[account.store.private(method["id"]).get("behaviour", "pays")]


def attempt(
    account: Account, intent: JsonObject, method: JsonObject, *, typed: bool
) -> tuple[JsonObject, Decline | None]:
    """Charge a card. The intent's status tells what came of it: succeeded, requires_action or requires_payment_method.

    `typed`: its holder is present and has just typed it; otherwise it is charged as stored.
    """
    behaviour = behaviour_of(account, method)
    decline = behaviour.typed if typed else behaviour.stored
    if decline is not None:
        return refuse(account, intent, method, decline), decline
    if _asks_holder(account, behaviour, method):
        return _ask_holder(account, intent, method), None
    return settle(account, intent, method), None


def settle(account: Account, intent: JsonObject, method: JsonObject) -> JsonObject:
    """The charge goes through: the intent succeeds. The caller sends the events, in Stripe's order."""
    intent = {**intent, "customer": method["customer"] or intent["customer"]}
    made = account.keep(charge(account.now(), intent, method, None))
    if behaviour_of(account, method).disputed_as is not None:
        account.later(account.now(), "dispute", made["id"])
    return account.change(
        intent,
        status="succeeded",
        amount_received=intent["amount"],
        payment_method=method["id"],
        latest_charge=made["id"],
        last_payment_error=None,
        next_action=None,
    )


def refuse(account: Account, intent: JsonObject, method: JsonObject, decline: Decline) -> JsonObject:
    """The issuer says no: a failed charge, and an intent that wants another payment method."""
    error = {"code": decline.code, "message": decline.message, "decline_code": decline.decline_code}
    failed = account.keep(charge(account.now(), intent, method, {**error, "advice_code": decline.advice_code}))
    account.emit("charge.failed", failed)
    intent = account.change(
        intent,
        status="requires_payment_method",
        next_action=None,
        payment_method=None,
        latest_charge=failed["id"],
        last_payment_error=decline.error(method, failed["id"]),
    )
    account.emit("payment_intent.payment_failed", intent)
    return intent


def authenticated(account: Account, intent: JsonObject) -> JsonObject:
    """The holder proved who they are: the charge goes through, and the card is known from now on."""
    method = account.fetch("payment_method", intent["payment_method"])
    private = account.store.private(method["id"])
    account.store.set_private(method["id"], {**private, "authenticated": True})
    return settle(account, intent, method)


def not_authenticated(account: Account, intent: JsonObject) -> JsonObject:
    return refuse(account, intent, account.fetch("payment_method", intent["payment_method"]), NOT_AUTHENTICATED)


def _asks_holder(account: Account, behaviour: Behaviour, method: JsonObject) -> bool:
    if behaviour.authentication == "always":
        return True
    known = account.store.private(method["id"]).get("authenticated", False)
    return behaviour.authentication == "first" and not known


def _ask_holder(account: Account, intent: JsonObject, method: JsonObject) -> JsonObject:
    url = f"{account.public_url}/authenticate/{intent['client_secret']}"
    intent = account.change(
        intent,
        status="requires_action",
        payment_method=method["id"],
        next_action={"redirect_to_url": {"return_url": None, "url": url}, "type": "redirect_to_url"},
        last_payment_error=None,
    )
    account.emit("payment_intent.requires_action", intent)
    return intent
