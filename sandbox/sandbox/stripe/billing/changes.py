"""A subscription changes its items: credit for what is left of the old, a charge for the rest of the new."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.stripe.account import Account
from sandbox.stripe.billing import collecting, schedules
from sandbox.stripe.billing.discounts import net_of, running
from sandbox.stripe.billing.drafting import Occasion, draft, pending_items, spend_once_discounts
from sandbox.stripe.billing.ending import void_invoice
from sandbox.stripe.billing.proration import Debit, debit_of, share
from sandbox.stripe.errors import ApiError, JsonObject
from sandbox.stripe.ids import new_id
from sandbox.stripe.objects.invoices import invoice_item
from sandbox.stripe.periods import period_end

_PENDING_FOR_S = 23 * 3600


@dataclass(frozen=True, slots=True)
class Change:
    """`items`: all items as they shall be. `fresh`: a new period begins now, instead of going on with the old one."""

    items: list[JsonObject]
    fresh: bool
    prorate: bool
    invoice: bool
    at: int
    trial_end: int | None = None
    others: JsonObject | None = None


def change(account: Account, body: JsonObject, wanted: Change, *, payment: str = "allow_incomplete") -> JsonObject:
    """Make the change and ask for the money that it costs now.

    `payment`: what a failing payment does (Stripe's `payment_behavior`). Raises ApiError 402 for error_if_incomplete.
    """
    if not wanted.fresh and not wanted.invoice:
        return keep_change(account, body, wanted)
    if payment == "pending_if_incomplete":
        return _change_when_paid(account, body, wanted)
    body = keep_change(account, body, wanted)
    invoice = invoice_now(account, body, wanted)
    if invoice is None:
        return body
    invoice = _collect(account, body, invoice)
    if invoice["status"] != "paid" and payment == "error_if_incomplete":
        raise payment_refused(account, invoice)
    return account.fetch("subscription", body["id"])


def invoice_now(account: Account, body: JsonObject, wanted: Change) -> JsonObject | None:
    """Draft the invoice of a change; None when there is nothing to bill."""
    if not wanted.fresh and not pending_items(account, body["id"]):
        return None
    item = body["items"]["data"][0]
    covered = (item["current_period_start"], account.now())
    return draft(account, body, Occasion(new_id("in"), "subscription_update", covered), periods=wanted.fresh)


def payment_refused(account: Account, invoice: JsonObject, *, undone: bool = True) -> ApiError:
    """The 402 that tells why a payment which had to succeed did not."""
    intent = collecting.intent_of(account, invoice)
    error = intent["last_payment_error"]
    details: JsonObject = {"payment_intent": intent}
    if error is None:
        message = "This payment requires additional user action before it can be completed successfully."
        code = "subscription_payment_intent_requires_action"
    else:
        message, code = error["message"], error["code"]
        details |= {name: error[name] for name in ("charge", "decline_code") if name in error}
    return ApiError(message, status=402, kind="card_error", code=code, details=details, undone=undone)


def expire_pending(account: Account, body: JsonObject) -> None:
    """Nobody paid for the change within its 23 hours: it is forgotten, and its invoice with it."""
    if body["pending_update"] is None or body["pending_update"]["expires_at"] > account.now():
        return
    invoice = account.fetch("invoice", account.store.private(body["id"])["pending_invoice"])
    forget_change_of(account, void_invoice(account, invoice))


def forget_change_of(account: Account, invoice: JsonObject) -> None:
    """A change that waits for an invoice goes with it."""
    name = invoice["parent"]["subscription_details"]["subscription"]
    private = account.store.private(name)
    if private.get("pending_invoice") != invoice["id"]:
        return
    kept = {name: value for name, value in private.items() if not name.startswith("pending_")}
    account.store.set_private(name, kept)
    body = account.change(account.fetch("subscription", name), pending_update=None)
    account.emit("customer.subscription.pending_update_expired", body)


def enter_phase_early(account: Account, schedule: JsonObject) -> None:
    """A phase that begins inside a billing period changes the items there and then."""
    body = account.fetch("subscription", schedule["subscription"])
    items = schedules.items_now(account, body)
    schedule = account.fetch("subscription_schedule", schedule["id"])
    body = account.fetch("subscription", body["id"])
    if schedule["status"] != "active" or items == body["items"]["data"]:
        return
    start = schedule["current_phase"]["start_date"]
    behaviour = next(each["proration_behavior"] for each in schedule["phases"] if each["start_date"] == start)
    change(account, body, change_to(account, body, items, behaviour))


def change_to(account: Account, body: JsonObject, items: list[JsonObject], behaviour: str, **given: Any) -> Change:
    """`behaviour` is Stripe's `proration_behavior`; another billing interval begins a new period, billed at once."""
    other = any(
        new["price"]["recurring"] != old["price"]["recurring"]
        for new, old in zip(items, body["items"]["data"], strict=False)
    )
    return Change(
        items,
        fresh=bool(given.get("fresh") or (other and body["status"] != "trialing")),
        prorate=behaviour != "none",
        invoice=behaviour == "always_invoice",
        at=given.get("at") or account.now(),
        trial_end=given.get("trial_end"),
        others=given.get("others"),
    )


def settle_rest(account: Account, body: JsonObject, *, prorate: bool, invoice: bool) -> None:
    """Before a subscription ends now: credit for the unused time, and an invoice over all that is still pending."""
    now = account.now()
    private = account.store.private(body["id"])
    for item in body["items"]["data"] if prorate and body["status"] != "trialing" else ():
        debit = debit_of(private, item["id"])
        if debit is not None and (credit := debit.unused(now)):
            rest = _item(account, body, item, "Unused time on", -credit, (now, debit.end))
            account.emit("invoiceitem.created", account.keep(rest))
    if invoice and pending_items(account, body["id"]):
        item = body["items"]["data"][0]
        occasion = Occasion(new_id("in"), "manual", (item["current_period_start"], now))
        _collect(account, body, draft(account, body, occasion, periods=False))


def keep_change(account: Account, body: JsonObject, wanted: Change) -> JsonObject:
    """Make the change; what it costs or saves waits for the next invoice."""
    changes, debits, waiting = _computed(account, body, wanted)
    private = account.store.private(body["id"])
    account.store.set_private(body["id"], {**private, "debits": debits})
    for pending in waiting:
        account.emit("invoiceitem.created", account.keep(pending))
    return account.change(body, "customer.subscription.updated", **changes)


def _computed(account: Account, body: JsonObject, wanted: Change) -> tuple[JsonObject, JsonObject, list[JsonObject]]:
    """What differs in the subscription, what its items are charged from now on, and what waits to be billed."""
    now = account.now()
    private = account.store.private(body["id"])
    debits = dict(private.get("debits", {}))
    waiting: list[JsonObject] = []
    new = {item["id"]: item for item in wanted.items}
    prorate = wanted.prorate and body["status"] != "trialing"
    for old in body["items"]["data"]:
        same = old["id"] in new and _costs(new[old["id"]]) == _costs(old) and not wanted.fresh
        debit = debit_of(private, old["id"])
        if same or debit is None or not prorate:
            continue
        if credit := debit.unused(wanted.at):
            waiting.append(_item(account, body, old, "Unused time on", -credit, (wanted.at, debit.end)))
        debits[old["id"]] = Debit(debit.amount - credit, debit.start, wanted.at).body()
    items = [_with_period(item, now, wanted) for item in wanted.items]
    if prorate and not wanted.fresh:
        for item in items:
            _charge_rest(account, body, item, wanted.at, waiting, debits)
    changes: JsonObject = {
        "items": {**body["items"], "data": items, "total_count": len(items)},
        **(wanted.others or {}),
    }
    if wanted.fresh:
        changes["billing_cycle_anchor"] = wanted.trial_end or now
    return changes, debits, waiting


def _charge_rest(
    account: Account, body: JsonObject, item: JsonObject, at: int, waiting: list[JsonObject], debits: JsonObject
) -> None:
    old = next((each for each in body["items"]["data"] if each["id"] == item["id"]), None)
    if old is not None and _costs(old) == _costs(item):
        return
    start, end = item["current_period_start"], item["current_period_end"]
    whole = item["price"]["unit_amount"] * item["quantity"]
    amount = net_of(account, running(account, body["discounts"], at), share(whole, end - at, end - start))
    if amount:
        waiting.append(_item(account, body, item, "Remaining time on", amount, (at, end)))
    debits[item["id"]] = Debit(amount, at, end).body()


def _item(
    account: Account, body: JsonObject, item: JsonObject, words: str, amount: int, period: tuple[int, int]
) -> JsonObject:
    name = account.fetch("product", item["price"]["product"])["name"]
    day = datetime.fromtimestamp(period[0], UTC)
    return invoice_item(
        account.now(),
        item,
        customer=body["customer"],
        amount=amount,
        description=f"{words} {name} after {day.day} {day:%b %Y}",
        period=period,
    )


def _with_period(item: JsonObject, now: int, wanted: Change) -> JsonObject:
    if not wanted.fresh:
        return item
    end = wanted.trial_end or period_end(now, now, item["price"]["recurring"])
    return {**item, "current_period_start": now, "current_period_end": end}


def _costs(item: JsonObject) -> tuple[str, int]:
    return item["price"]["id"], item["quantity"]


def _collect(account: Account, body: JsonObject, invoice: JsonObject) -> JsonObject:
    account.emit("invoice.created", invoice)
    spend_once_discounts(account, invoice)
    body = account.change(account.fetch("subscription", body["id"]), latest_invoice=invoice["id"])
    invoice = collecting.finalize(account, invoice)
    return collecting.pay(account, invoice, collecting.method_for(account, body))


def _change_when_paid(account: Account, body: JsonObject, wanted: Change) -> JsonObject:
    """The change waits as the subscription's `pending_update` until its invoice is paid, which may be at once."""
    changes, debits, waiting = _computed(account, body, wanted)
    for pending in waiting:
        account.emit("invoiceitem.created", account.keep(pending))
    private = account.store.private(body["id"])
    invoice = invoice_now(account, {**body, **changes}, wanted)
    if invoice is None:
        return keep_change(account, body, wanted)
    # Drafting noted the new period's debits, which belong to the change.
    drafted = account.store.private(body["id"]).get("debits", {}) if wanted.fresh else {}
    pending_private = {
        "pending_changes": {**changes, "latest_invoice": invoice["id"]},
        "pending_debits": {**debits, **drafted},
        "pending_invoice": invoice["id"],
    }
    account.store.set_private(body["id"], {**private, **pending_private})
    expires_at = account.now() + _PENDING_FOR_S
    update = {
        "billing_cycle_anchor": changes.get("billing_cycle_anchor"),
        "cancel_at_period_end": None,
        "discount": None,
        "discounts": None,
        "expires_at": expires_at,
        "metadata": None,
        "subscription_items": changes["items"]["data"],
        "trial_end": None,
        "trial_from_plan": None,
    }
    account.later(expires_at, "pending_update", body["id"])
    body = account.change(body, "customer.subscription.updated", pending_update=update)
    _collect(account, body, invoice)
    return account.fetch("subscription", body["id"])
