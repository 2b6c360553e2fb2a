"""Invoices, read, previewed, paid and voided; their payments; charges and events."""

from collections.abc import Iterable

from sandbox.stripe import params
from sandbox.stripe.account import Account
from sandbox.stripe.billing import collecting
from sandbox.stripe.billing.changes import forget_change_of, payment_refused
from sandbox.stripe.billing.ending import void_invoice
from sandbox.stripe.errors import ApiError, JsonObject
from sandbox.stripe.operations.call import LISTING, Call, Endpoint, Operation, equal, listed, of_customer
from sandbox.stripe.operations.previews import PREVIEW, create_preview
from sandbox.stripe.params import Spec
from sandbox.stripe.store import Condition

_INVOICE_STATUS = params.choice("draft", "open", "paid", "uncollectible", "void")


def _retrieve(kind: str) -> Operation:
    return lambda account, call: account.fetch(kind, call.id)


def _lister(kind: str, url: str, fields: Iterable[tuple[str, str]] = ()) -> Operation:
    """`fields`: which field of the body each parameter of the list looks at."""

    def operation(account: Account, call: Call) -> JsonObject:
        wanted = of_customer(call)
        wanted += [equal(field, call.params[name]) for name, field in fields if name in call.params]
        return listed(account, call, kind, url, *wanted)

    return operation


def _list_events(account: Account, call: Call) -> JsonObject:
    types = call.params.get("types") or [call.params[name] for name in ("type",) if name in call.params]
    wanted = []
    if types:
        marks = ", ".join("?" * len(types))
        wanted.append(Condition(f"json_extract(body, '$.type') IN ({marks})", tuple(types)))
    return listed(account, call, "event", "/v1/events", *wanted)


def _invoice_lines(account: Account, call: Call) -> JsonObject:
    lines: JsonObject = account.fetch("invoice", call.id)["lines"]
    return {**lines, "data": lines["data"][: call.params.get("limit", 10)]}


def _pay_invoice(account: Account, call: Call) -> JsonObject:
    """With the named card or the subscription's; a refusal is the answer, and what was tried stays tried."""
    invoice = _open(account, call.id, "paid")
    body = collecting.subscription_of(account, invoice)
    if "payment_method" in call.params:
        method: JsonObject | None = account.fetch("payment_method", call.params["payment_method"], "payment_method")
    else:
        method = collecting.method_for(account, body)
    invoice = collecting.pay(account, invoice, method)
    if invoice["status"] != "paid" and method is not None:
        raise payment_refused(account, invoice, undone=False)
    return invoice


def _void_invoice(account: Account, call: Call) -> JsonObject:
    """A change that waits for it is forgotten."""
    invoice = void_invoice(account, _open(account, call.id, "voided"))
    forget_change_of(account, invoice)
    return invoice


def _open(account: Account, invoice_id: str, wanted: str) -> JsonObject:
    invoice = account.fetch("invoice", invoice_id)
    if invoice["status"] != "open":
        message = f"This invoice can't be {wanted}: its status is {invoice['status']}."
        if invoice["status"] == "paid":
            raise ApiError("Invoice is already paid", code="invoice_already_paid")
        raise ApiError(message)
    return invoice


_CUSTOMERS: Spec = {**LISTING, "customer": params.text}
_INVOICE_FIELDS = (
    ("subscription", "parent.subscription_details.subscription"),
    ("status", "status"),
    ("collection_method", "collection_method"),
)
_INVOICES: Spec = {
    **_CUSTOMERS,
    "subscription": params.text,
    "status": _INVOICE_STATUS,
    "collection_method": params.choice("charge_automatically", "send_invoice"),
}

ENDPOINTS = (
    Endpoint("GET", "/v1/invoices", _lister("invoice", "/v1/invoices", _INVOICE_FIELDS), _INVOICES),
    Endpoint("POST", "/v1/invoices/create_preview", create_preview, PREVIEW),
    Endpoint("GET", "/v1/invoices/{id}", _retrieve("invoice"), {}),
    Endpoint(
        "POST", "/v1/invoices/{id}/pay", _pay_invoice, {"off_session": params.flag, "payment_method": params.text}
    ),
    Endpoint("POST", "/v1/invoices/{id}/void", _void_invoice, {}),
    Endpoint("GET", "/v1/invoices/{id}/lines", _invoice_lines, {"limit": params.between(1, 100)}),
    Endpoint(
        "GET",
        "/v1/invoice_payments",
        _lister("invoice_payment", "/v1/invoice_payments", (("invoice", "invoice"), ("status", "status"))),
        {**LISTING, "invoice": params.text, "status": params.choice("canceled", "open", "paid")},
    ),
    Endpoint("GET", "/v1/invoice_payments/{id}", _retrieve("invoice_payment"), {}),
    Endpoint("GET", "/v1/payment_intents", _lister("payment_intent", "/v1/payment_intents"), _CUSTOMERS),
    Endpoint("GET", "/v1/payment_intents/{id}", _retrieve("payment_intent"), {}),
    Endpoint(
        "GET",
        "/v1/charges",
        _lister("charge", "/v1/charges", (("payment_intent", "payment_intent"),)),
        {**_CUSTOMERS, "payment_intent": params.text},
    ),
    Endpoint("GET", "/v1/charges/{id}", _retrieve("charge"), {}),
    Endpoint("GET", "/v1/events", _list_events, {**LISTING, "type": params.text, "types": params.each(params.text)}),
    Endpoint("GET", "/v1/events/{id}", _retrieve("event"), {}),
)
