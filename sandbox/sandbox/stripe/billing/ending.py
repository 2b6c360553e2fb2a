"""How subscriptions end: canceled, or never begun; what is left of their invoices is not collected."""

from collections.abc import Iterable
from typing import Any

from sandbox.stripe.account import Account
from sandbox.stripe.errors import JsonObject
from sandbox.stripe.operations.call import equal


def end_subscription(
    account: Account, body: JsonObject, *, reason: str = "cancellation_requested", **details: Any
) -> JsonObject:
    """The end of access: status canceled. A cancellation asked for earlier keeps the time it was asked."""
    now = account.now()
    for invoice in _invoices(account, body["id"], ("draft", "open")):
        account.change(invoice, "invoice.updated", auto_advance=False, next_payment_attempt=None)
    _close_schedule(account, body)
    return account.change(
        body,
        "customer.subscription.deleted",
        status="canceled",
        ended_at=now,
        canceled_at=body["canceled_at"] or now,
        cancel_at_period_end=False if details else body["cancel_at_period_end"],
        cancellation_details={**body["cancellation_details"], "reason": reason, **details},
        pending_update=None,
        schedule=None,
    )


def expire_incomplete(account: Account, body: JsonObject) -> JsonObject:
    """Nobody made the first payment within its 23 hours: the subscription never was."""
    for invoice in _invoices(account, body["id"], ("draft", "open")):
        void_invoice(account, invoice)
    return account.change(body, "customer.subscription.updated", status="incomplete_expired", ended_at=account.now())


def void_invoice(account: Account, invoice: JsonObject) -> JsonObject:
    """An open invoice that shall not be paid: its intent is canceled with it."""
    now = account.now()
    for payment in account.store.page("invoice_payment", [equal("invoice", invoice["id"])]).bodies:
        if payment["status"] == "open":
            moments = {**payment["status_transitions"], "canceled_at": now}
            account.change(payment, status="canceled", status_transitions=moments)
            intent = account.fetch("payment_intent", payment["payment"]["payment_intent"])
            account.change(
                intent,
                "payment_intent.canceled",
                status="canceled",
                canceled_at=now,
                cancellation_reason="void_invoice",
                next_action=None,
            )
    return account.change(
        invoice,
        "invoice.voided",
        status="void",
        auto_advance=False,
        next_payment_attempt=None,
        status_transitions={**invoice["status_transitions"], "voided_at": now},
    )


def _invoices(account: Account, subscription_id: str, statuses: Iterable[str]) -> list[JsonObject]:
    mine = equal("parent.subscription_details.subscription", subscription_id)
    return [body for body in account.store.page("invoice", [mine]).bodies if body["status"] in statuses]


def _close_schedule(account: Account, body: JsonObject) -> None:
    if body["schedule"] is not None:
        schedule = account.fetch("subscription_schedule", body["schedule"])
        account.change(
            schedule,
            "subscription_schedule.canceled",
            status="canceled",
            canceled_at=account.now(),
            current_phase=None,
        )
