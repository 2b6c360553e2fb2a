"""Customers: created, changed, deleted with what they subscribed to."""

from typing import Any

from sandbox.stripe import params
from sandbox.stripe.account import LIVE_STATUSES, Account
from sandbox.stripe.billing.ending import end_subscription, expire_incomplete
from sandbox.stripe.errors import ApiError, JsonObject, missing
from sandbox.stripe.ids import new_id, random_text
from sandbox.stripe.objects.customers import customer, deleted_stub
from sandbox.stripe.operations.call import LISTING, Call, Endpoint, equal, listed
from sandbox.stripe.store import Condition

_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), params.clearable(params.text))
_EDITABLE = {
    "address": params.clearable(params.group(_ADDRESS)),
    "description": params.clearable(params.text),
    "email": params.clearable(params.email),
    "invoice_settings": params.group({"default_payment_method": params.clearable(params.text)}),
    "metadata": params.metadata,
    "name": params.clearable(params.text),
    "phone": params.clearable(params.text),
    "preferred_locales": params.each(params.text),
    "tax_exempt": params.choice("exempt", "none", "reverse"),
}


def create_customer(account: Account, given: JsonObject) -> JsonObject:
    given = {**given, "metadata": given.get("metadata") or {}}
    given.pop("invoice_settings", None)
    if given.get("address"):
        given["address"] = {**dict.fromkeys(_ADDRESS), **given["address"]}
    body = customer(new_id("cus"), account.now(), invoice_prefix=random_text(8).upper(), **given)
    account.emit("customer.created", account.keep(body))
    return body


def _retrieve(account: Account, call: Call) -> JsonObject:
    """A deleted customer still answers, with its stub."""
    body = account.store.find(call.id)
    if body is None or body["object"] != "customer":
        raise missing("customer", call.id, "id")
    return body


def _update(account: Account, call: Call) -> JsonObject:
    body = account.fetch("customer", call.id)
    changes: dict[str, Any] = dict(call.params)
    if "metadata" in changes:
        changes["metadata"] = params.with_metadata(body["metadata"], changes["metadata"])
    if changes.get("address"):
        changes["address"] = {**dict.fromkeys(_ADDRESS), **(body["address"] or {}), **changes["address"]}
    if "invoice_settings" in changes:
        changes["invoice_settings"] = _settings(account, body, changes["invoice_settings"])
    return account.change(body, "customer.updated", **changes)


def _settings(account: Account, body: JsonObject, given: JsonObject) -> JsonObject:
    method = given.get("default_payment_method")
    if method is not None and account.fetch("payment_method", method)["customer"] != body["id"]:
        message = f"The customer does not have a payment method with the ID {method}."
        raise ApiError(message, code="resource_missing", param="invoice_settings[default_payment_method]")
    return {**body["invoice_settings"], **given}


def _delete(account: Account, call: Call) -> JsonObject:
    body = account.fetch("customer", call.id)
    for subscription in account.store.page("subscription", [Condition("customer = ?", (call.id,))]).bodies:
        if subscription["status"] in LIVE_STATUSES:
            end_subscription(account, subscription)
        if subscription["status"] == "incomplete":
            expire_incomplete(account, subscription)
    stub = deleted_stub(call.id)
    account.store.replace(stub, due=None)
    account.emit("customer.deleted", body)
    return stub


def _list(account: Account, call: Call) -> JsonObject:
    wanted = [Condition("json_extract(body, '$.deleted') IS NULL")]
    if "email" in call.params:
        wanted.append(equal("email", call.params["email"]))
    return listed(account, call, "customer", "/v1/customers", *wanted)


def _payment_methods(account: Account, call: Call) -> JsonObject:
    account.fetch("customer", call.id)
    mine = Condition("customer = ?", (call.id,))
    return listed(account, call, "payment_method", f"/v1/customers/{call.id}/payment_methods", mine)


ENDPOINTS = (
    Endpoint("POST", "/v1/customers", lambda account, call: create_customer(account, call.params), _EDITABLE),
    Endpoint("GET", "/v1/customers", _list, {**LISTING, "email": params.text}),
    Endpoint("GET", "/v1/customers/{id}", _retrieve, {}),
    Endpoint("POST", "/v1/customers/{id}", _update, _EDITABLE),
    Endpoint("DELETE", "/v1/customers/{id}", _delete, {}),
    Endpoint("GET", "/v1/customers/{id}/payment_methods", _payment_methods, {**LISTING, "type": params.choice("card")}),
)
