"""Money that goes back: refunds that are asked for, and disputes that a bank opens and decides."""

from typing import Literal

from sandbox.stripe.account import Account
from sandbox.stripe.errors import ApiError, JsonObject
from sandbox.stripe.objects.disputes import balance_transaction, dispute, refund
from sandbox.stripe.operations.call import equal

Outcome = Literal["won", "lost"]


def refund_charge(account: Account, charge: JsonObject, given: JsonObject) -> JsonObject:
    """Give back all that is left of a charge, or `amount` of it. Raises ApiError when that cannot be."""
    left = charge["amount"] - charge["amount_refunded"]
    amount = given.get("amount", left)
    if not charge["paid"]:
        raise ApiError(f"This charge ({charge['id']}) did not succeed and cannot be refunded.", param="charge")
    if charge["disputed"] and not _lost_nothing(account, charge):
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise ApiError(message, code="charge_disputed")
    if left == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise ApiError(message, code="charge_already_refunded")
    if amount > left:
        message = f"Refund amount (${amount / 100:.2f}) is greater than unrefunded amount on charge (${left / 100:.2f})"
        raise ApiError(message, param="amount")
    made = account.keep(refund(account.now(), charge, amount=amount, given=given))
    refunded = charge["amount_refunded"] + amount
    charge = account.change(charge, amount_refunded=refunded, refunded=refunded == charge["amount"])
    account.emit("charge.refunded", charge)
    account.emit("refund.created", made)
    return made


def open_dispute(account: Account, charge: JsonObject, reason: str) -> JsonObject:
    """The holder's bank takes the money back until it is decided who keeps it. Raises ApiError when it cannot."""
    if not charge["paid"] or charge["disputed"]:
        raise ApiError(f"Charge {charge['id']} cannot be disputed: it is disputed already or was never paid.")
    now = account.now()
    made = account.keep(dispute(now, charge, reason=reason))
    account.change(charge, "charge.updated", disputed=True)
    account.emit("charge.dispute.created", made)
    withdrawn = balance_transaction(now, made, amount=-made["amount"], fee=1500)
    return account.change(
        made, "charge.dispute.funds_withdrawn", balance_transactions=[withdrawn], is_charge_refundable=False
    )


def submit_evidence(account: Account, body: JsonObject) -> JsonObject:
    """The bank looks at it."""
    details = body["evidence_details"]
    count = details["submission_count"] + 1
    return account.change(
        body,
        "charge.dispute.updated",
        status="under_review",
        evidence_details={
            **details,
            "has_evidence": True,
            "submission_count": count,
            "submission_method": "manual",
        },
    )


def close_dispute(account: Account, body: JsonObject, outcome: Outcome) -> JsonObject:
    """The bank decides: won money comes back, lost money does not. Raises ApiError when it is decided already."""
    if body["status"] in ("won", "lost"):
        raise ApiError(f"This dispute is closed already: {body['status']}.")
    body = account.change(body, "charge.dispute.closed", status=outcome)
    if outcome == "won":
        returned = balance_transaction(account.now(), body, amount=body["amount"], fee=0)
        transactions = [*body["balance_transactions"], returned]
        body = account.change(body, "charge.dispute.funds_reinstated", balance_transactions=transactions)
    return body


def _lost_nothing(account: Account, charge: JsonObject) -> bool:
    found = account.store.page("dispute", [equal("charge", charge["id"])], limit=1).bodies
    return bool(found) and found[0]["status"] == "won"
