"""Refunds and disputes."""

from sandbox.stripe import params
from sandbox.stripe.account import Account
from sandbox.stripe.billing.disputes import close_dispute, refund_charge, submit_evidence
from sandbox.stripe.errors import ApiError, JsonObject
from sandbox.stripe.operations.call import LISTING, Call, Endpoint, equal, listed
from sandbox.stripe.params import Spec

_WINNING, _LOSING = "winning_evidence", "losing_evidence"


def charge_named(account: Account, given: JsonObject) -> JsonObject:
    """The charge that a request names, itself or by its intent."""
    if "charge" in given:
        return account.fetch("charge", given["charge"], "charge")
    if "payment_intent" not in given:
        message = "One of the following params should be provided for this request: payment_intent or charge."
        raise ApiError(message, code="parameter_missing")
    intent = account.fetch("payment_intent", given["payment_intent"], "payment_intent")
    if intent["latest_charge"] is None:
        raise ApiError(f"The PaymentIntent ({intent['id']}) does not have a successful charge.", param="payment_intent")
    return account.fetch("charge", intent["latest_charge"])


def _create(account: Account, call: Call) -> JsonObject:
    return refund_charge(account, charge_named(account, call.params), call.params)


def _list_refunds(account: Account, call: Call) -> JsonObject:
    wanted = [equal(name, call.params[name]) for name in ("charge", "payment_intent") if name in call.params]
    return listed(account, call, "refund", "/v1/refunds", *wanted)


def _update_refund(account: Account, call: Call) -> JsonObject:
    body = account.fetch("refund", call.id)
    metadata = params.with_metadata(body["metadata"], call.params.get("metadata", {}))
    return account.change(body, "refund.updated", metadata=metadata)


def _list_disputes(account: Account, call: Call) -> JsonObject:
    wanted = [equal(name, call.params[name]) for name in ("charge", "payment_intent") if name in call.params]
    return listed(account, call, "dispute", "/v1/disputes", *wanted)


def _update_dispute(account: Account, call: Call) -> JsonObject:
    """In test mode the text of the evidence decides."""
    body = account.fetch("dispute", call.id)
    evidence = call.params.get("evidence", {})
    metadata = params.with_metadata(body["metadata"], call.params.get("metadata", {}))
    body = account.change(body, "charge.dispute.updated", evidence={**body["evidence"], **evidence}, metadata=metadata)
    if not call.params.get("submit", bool(evidence)):
        return body
    body = submit_evidence(account, body)
    said = body["evidence"]["uncategorized_text"]
    if said in (_WINNING, _LOSING):
        return close_dispute(account, body, "won" if said == _WINNING else "lost")
    return body


_NAMED: Spec = {"charge": params.text, "payment_intent": params.text}
_REFUND: Spec = {
    **_NAMED,
    "amount": params.between(1, 99_999_999),
    "metadata": params.metadata,
    "reason": params.choice("duplicate", "fraudulent", "requested_by_customer"),
}
_EVIDENCE = params.group(dict.fromkeys(("customer_name", "product_description", "uncategorized_text"), params.text))

ENDPOINTS = (
    Endpoint("POST", "/v1/refunds", _create, _REFUND),
    Endpoint("GET", "/v1/refunds", _list_refunds, {**LISTING, **_NAMED}),
    Endpoint("GET", "/v1/refunds/{id}", lambda account, call: account.fetch("refund", call.id), {}),
    Endpoint("POST", "/v1/refunds/{id}", _update_refund, {"metadata": params.metadata}),
    Endpoint("GET", "/v1/disputes", _list_disputes, {**LISTING, **_NAMED}),
    Endpoint("GET", "/v1/disputes/{id}", lambda account, call: account.fetch("dispute", call.id), {}),
    Endpoint(
        "POST",
        "/v1/disputes/{id}",
        _update_dispute,
        {"evidence": _EVIDENCE, "metadata": params.metadata, "submit": params.flag},
    ),
    Endpoint(
        "POST",
        "/v1/disputes/{id}/close",
        lambda account, call: close_dispute(account, account.fetch("dispute", call.id), "lost"),
        {},
    ),
)
