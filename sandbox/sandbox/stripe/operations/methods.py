"""Payment methods: attached by the ids of test cards, detached, listed; invoice items and setup intents, read."""

from datetime import UTC, datetime

from sandbox.stripe import params
from sandbox.stripe.account import Account
from sandbox.stripe.billing.charging import keep_method
from sandbox.stripe.cards import BEHAVIOURS, card_of_token
from sandbox.stripe.errors import ApiError, JsonObject
from sandbox.stripe.operations.call import LISTING, Call, Endpoint, equal, listed, of_customer
from sandbox.stripe.params import Required


def _attach(account: Account, call: Call) -> JsonObject:
    """`pm_card_visa` and its kin become a method of this customer; a card that is always declined is refused."""
    customer = account.fetch("customer", call.params["customer"], "customer")
    card = card_of_token(call.id, year=datetime.fromtimestamp(account.now(), UTC).year)
    if card is None:
        method = account.fetch("payment_method", call.id)
        if method["customer"] not in (None, customer["id"]):
            raise ApiError("The payment method you provided has already been attached to a customer.")
        return account.change(method, "payment_method.attached", customer=customer["id"])
    decline = BEHAVIOURS[card.behaviour].typed
    if decline is not None:
        details = {} if decline.decline_code is None else {"decline_code": decline.decline_code}
        raise ApiError(decline.message, status=402, kind="card_error", code=decline.code, details=details)
    method = keep_method(account, card, customer["id"], email=customer["email"], name=customer["name"])
    account.emit("payment_method.attached", method)
    return method


def detach(account: Account, method: JsonObject) -> JsonObject:
    """A method of nobody; it cannot be charged any more."""
    if method["customer"] is None:
        raise ApiError("The payment method you provided is not attached to a customer so detachment is impossible.")
    customer = account.fetch("customer", method["customer"])
    settings = customer["invoice_settings"]
    if settings["default_payment_method"] == method["id"]:
        without = {**settings, "default_payment_method": None}
        account.change(customer, "customer.updated", invoice_settings=without)
    for body in account.store.page("subscription", [equal("default_payment_method", method["id"])]).bodies:
        account.change(body, default_payment_method=None)
    return account.change(method, "payment_method.detached", customer=None)


def _list(account: Account, call: Call) -> JsonObject:
    wanted = of_customer(call)
    wanted += [equal("type", call.params["type"])] if "type" in call.params else []
    return listed(account, call, "payment_method", "/v1/payment_methods", *wanted)


def _list_items(account: Account, call: Call) -> JsonObject:
    wanted = of_customer(call)
    wanted += [equal("invoice", call.params["invoice"])] if "invoice" in call.params else []
    return listed(account, call, "invoiceitem", "/v1/invoiceitems", *wanted)


_CUSTOMER = {**LISTING, "customer": params.text}

ENDPOINTS = (
    Endpoint("GET", "/v1/payment_methods", _list, {**_CUSTOMER, "type": params.choice("card")}),
    Endpoint("GET", "/v1/payment_methods/{id}", lambda account, call: account.fetch("payment_method", call.id), {}),
    Endpoint("POST", "/v1/payment_methods/{id}/attach", _attach, {"customer": Required(params.text)}),
    Endpoint(
        "POST",
        "/v1/payment_methods/{id}/detach",
        lambda account, call: detach(account, account.fetch("payment_method", call.id)),
        {},
    ),
    Endpoint("GET", "/v1/invoiceitems", _list_items, {**_CUSTOMER, "invoice": params.text}),
    Endpoint("GET", "/v1/invoiceitems/{id}", lambda account, call: account.fetch("invoiceitem", call.id), {}),
    Endpoint(
        "GET",
        "/v1/setup_intents",
        lambda account, call: listed(account, call, "setup_intent", "/v1/setup_intents", *of_customer(call)),
        _CUSTOMER,
    ),
    Endpoint("GET", "/v1/setup_intents/{id}", lambda account, call: account.fetch("setup_intent", call.id), {}),
)
