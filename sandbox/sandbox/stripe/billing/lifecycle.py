"""A subscription's life: it begins, renews at every period's end, and leaves its trial."""

from dataclasses import dataclass, field

from sandbox.stripe.account import Account
from sandbox.stripe.billing import collecting, schedules
from sandbox.stripe.billing.discounts import ends_at, grant
from sandbox.stripe.billing.drafting import Occasion, draft, spend_once_discounts
from sandbox.stripe.billing.ending import end_subscription
from sandbox.stripe.errors import JsonObject
from sandbox.stripe.ids import new_id
from sandbox.stripe.objects.discounts import discount
from sandbox.stripe.objects.subscriptions import subscription, subscription_item
from sandbox.stripe.periods import period_end

_TRIAL_NOTICE_S = 3 * 86_400


@dataclass(frozen=True, slots=True)
class Order:
    """What was bought, with the ids that a Checkout session already names; `discounts`: (coupon, promotion code)."""

    customer: str
    lines: list[JsonObject]
    settings: JsonObject
    method: str | None = None
    subscription_id: str = field(default_factory=lambda: new_id("sub"))
    invoice_id: str = field(default_factory=lambda: new_id("in"))
    trial_end: int | None = None
    discounts: tuple[tuple[str, str | None], ...] = ()
    session: str | None = None


def begin(account: Account, order: Order, *, status: str) -> JsonObject:
    """Keep the subscription and its first invoice, still a draft: how it is paid is the caller's."""
    now = account.now()
    items = [_first_item(order, line, now) for line in order.lines]
    body = subscription(
        order.subscription_id,
        now,
        customer=order.customer,
        currency=order.lines[0]["price"]["currency"],
        items=items,
        payment_method=order.method,
        description=order.settings.get("description"),
        metadata=order.settings.get("metadata") or {},
    )
    body |= {"status": status, "latest_invoice": order.invoice_id}
    body["discounts"] = [_grant(account, order, coupon, code) for coupon, code in order.discounts]
    if order.trial_end is not None:
        body |= {"status": "trialing", "trial_start": now, "trial_end": order.trial_end}
        body["billing_cycle_anchor"] = order.trial_end
        account.later(max(now, order.trial_end - _TRIAL_NOTICE_S), "trial_will_end", body["id"])
    if "trial_settings" in order.settings:
        body["trial_settings"] = order.settings["trial_settings"]
    account.keep(body)
    account.emit("customer.subscription.created", body)
    return body


def first_invoice(account: Account, body: JsonObject, intent: JsonObject | None = None) -> JsonObject:
    """The invoice that begins a subscription, finalized; with the `intent` that paid it before, it is paid."""
    now = account.now()
    invoice = draft(account, body, Occasion(body["latest_invoice"], "subscription_create", (now, now)))
    account.emit("invoice.created", invoice)
    spend_once_discounts(account, invoice)
    invoice = collecting.finalize(account, invoice, intent)
    if intent is not None or invoice["amount_due"] == 0:
        return collecting.mark_paid(account, invoice, intent)
    return invoice


def renew(account: Account, body: JsonObject) -> JsonObject:
    """Items whose period is over get the next one; a schedule may put others in their place."""
    if body["status"] == "trialing" and (body := _leave_trial(account, body))["status"] != "trialing":
        return body
    before = body["items"]["data"][0]
    occasion = Occasion(
        new_id("in"), "subscription_cycle", (before["current_period_start"], before["current_period_end"])
    )
    body = next_period(account, body, occasion.invoice_id)
    invoice = draft(account, body, occasion)
    if body["status"] == "unpaid":
        account.emit("invoice.created", account.change(invoice, auto_advance=False))
        return body
    account.emit("invoice.created", invoice)
    spend_once_discounts(account, invoice)
    invoice = collecting.finalize(account, invoice)
    collecting.pay(account, invoice, collecting.method_for(account, body))
    return body


def next_period(account: Account, body: JsonObject, invoice_id: str) -> JsonObject:
    """Move the subscription on by one period, by its schedule if it has one; a trial that is over is none."""
    now = account.now()
    before = body["items"]["data"]
    present = schedules.items_now(account, body)
    anchor = body["billing_cycle_anchor"] if _rhythm(present[0]) == _rhythm(before[0]) else now
    items = []
    for item in present:
        start = item["current_period_end"]
        if start <= now:
            end = period_end(anchor, start, item["price"]["recurring"])
            items.append({**item, "current_period_start": start, "current_period_end": end})
        else:
            items.append(item)
    return account.change(
        account.fetch("subscription", body["id"]),
        "customer.subscription.updated",
        billing_cycle_anchor=anchor,
        items={**body["items"], "data": items, "total_count": len(items)},
        latest_invoice=invoice_id,
        status="active" if body["status"] == "trialing" else body["status"],
    )


def _rhythm(item: JsonObject) -> tuple[str, int]:
    recurring = item["price"]["recurring"]
    return recurring["interval"], recurring["interval_count"]


def trial_will_end(account: Account, body: JsonObject) -> None:
    if body["status"] == "trialing":
        account.emit("customer.subscription.trial_will_end", body)


def _leave_trial(account: Account, body: JsonObject) -> JsonObject:
    """Without a card, a trial ends as its settings say; with one, the first period is billed by the caller."""
    if collecting.method_for(account, body) is not None:
        return body
    match body["trial_settings"]["end_behavior"]["missing_payment_method"]:
        case "cancel":
            return end_subscription(account, body, reason="payment_failed")
        case "pause":
            return account.change(body, "customer.subscription.paused", status="paused")
    return body


def _first_item(order: Order, line: JsonObject, now: int) -> JsonObject:
    end = order.trial_end or period_end(now, now, line["price"]["recurring"])
    return subscription_item(
        new_id("si"),
        now,
        subscription_id=order.subscription_id,
        price=line["price"],
        quantity=line["quantity"],
        period=(now, end),
    )


def _grant(account: Account, order: Order, coupon_id: str, code: str | None) -> str:
    now = account.now()
    coupon = account.fetch("coupon", coupon_id)
    made = discount(
        now,
        coupon=coupon_id,
        promotion_code=code,
        customer=order.customer,
        subscription=order.subscription_id,
        session=order.session,
        end=ends_at(coupon, now),
    )
    return str(grant(account, made)["id"])
