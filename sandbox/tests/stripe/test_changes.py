"""Another plan: what it costs to the cent, what a preview says before, and what happens at the period's end."""

from collections.abc import Callable
from typing import Any, cast

import pytest
import stripe

from sandbox.stripe.billing.proration import Debit, share
from sandbox.stripe.testing import Stand

Subscribe = Callable[..., stripe.Subscription]
DAY = 86_400
PRO, MAX, MAX_YEAR = "price_TrueCrimeProMonth", "price_TrueCrimeMaxMonth", "price_TrueCrimeMaxYear"


def item_of(subscription: stripe.Subscription) -> stripe.SubscriptionItem:
    item: stripe.SubscriptionItem = subscription["items"].data[0]
    return item


def to(subscription: stripe.Subscription, price: str, **given: object) -> Any:
    return {"items": [{"id": item_of(subscription).id, "price": price}], **given}


@pytest.mark.parametrize(
    ("amount", "part", "whole", "expected"),
    [
        (999, 1, 2, 500),
        (-999, 1, 2, -500),
        (999, 0, 30, 0),
        (999, 31, 30, 999),
        (1, 1, 3, 0),
        (2, 1, 3, 1),
        (5, 1, 0, 0),
    ],
)
def test_a_share_is_rounded_half_away_from_zero(amount: int, part: int, whole: int, expected: int) -> None:
    assert share(amount, part, whole) == expected


def test_credit_and_use_of_a_debit_add_up() -> None:
    debit = Debit(999, 1000, 2000)
    assert [debit.unused(at) for at in (1000, 1500, 2000, 3000, 0)] == [999, 500, 0, 0, 999]


def test_an_upgrade_costs_the_difference_of_what_is_left(
    shared: Stand, api: stripe.StripeClient, subscribe: Subscribe
) -> None:
    subscription = subscribe()
    start, end = item_of(subscription).current_period_start, item_of(subscription).current_period_end
    shared.advance(10 * DAY)
    at = shared.now()
    asked = to(subscription, MAX, proration_behavior="always_invoice", proration_date=at)
    preview = api.v1.invoices.create_preview({"subscription": subscription.id, "subscription_details": asked})
    asked["payment_behavior"] = "error_if_incomplete"
    changed = api.v1.subscriptions.update(subscription.id, asked)
    credit, rest = share(999, end - at, end - start), share(1999, end - at, end - start)
    assert preview.amount_due == rest - credit
    assert [line.amount for line in preview.lines.data] == [-credit, rest]
    invoice = api.v1.invoices.retrieve(str(changed.latest_invoice))
    assert (invoice.status, invoice.billing_reason, invoice.amount_paid) == (
        "paid",
        "subscription_update",
        rest - credit,
    )
    assert [line.description for line in invoice.lines.data] == [line.description for line in preview.lines.data]
    parents = [line.parent.subscription_item_details for line in invoice.lines.data if line.parent]
    assert [parent.proration for parent in parents if parent] == [True, True]
    assert (item_of(changed).price.id, item_of(changed).current_period_end) == (MAX, end)
    event = api.v1.events.list({"type": "customer.subscription.updated"}).data[0]
    assert event.data.object["id"] == subscription.id
    assert preview.id is not None
    assert preview.id.startswith("upcoming_in_")


def test_a_preview_changes_nothing(api: stripe.StripeClient, subscribe: Subscribe) -> None:
    subscription = subscribe()
    events = [event.id for event in api.v1.events.list({"limit": 10}).data]
    for price in (MAX, MAX_YEAR):
        for behaviour in ("always_invoice", "create_prorations", "none"):
            details = to(subscription, price, proration_behavior=behaviour)
            api.v1.invoices.create_preview({"subscription": subscription.id, "subscription_details": details})
    assert api.v1.subscriptions.retrieve(subscription.id).to_dict() == subscription.to_dict()
    assert [event.id for event in api.v1.events.list({"limit": 10}).data] == events
    assert api.v1.invoice_items.list({"customer": str(subscription.customer)}).data == []


def test_the_next_invoice_is_foreseen(api: stripe.StripeClient, subscribe: Subscribe) -> None:
    subscription = subscribe()
    preview = api.v1.invoices.create_preview({"subscription": subscription.id})
    assert (preview.amount_due, preview.billing_reason) == (999, "upcoming")
    assert preview.lines.data[0].period.start == item_of(subscription).current_period_end
    customer = str(subscription.customer)
    new = api.v1.invoices.create_preview(
        {"customer": customer, "subscription_details": {"items": [{"price": MAX, "quantity": 2}]}}
    )
    assert new.amount_due == 3998
    api.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    with pytest.raises(stripe.InvalidRequestError) as none:
        api.v1.invoices.create_preview({"subscription": subscription.id})
    assert none.value.code == "invoice_upcoming_none"


def test_prorations_wait_for_the_next_invoice(shared: Stand, api: stripe.StripeClient, subscribe: Subscribe) -> None:
    subscription = subscribe()
    api.v1.subscriptions.update(subscription.id, to(subscription, MAX))
    waiting = api.v1.invoice_items.list({"customer": str(subscription.customer)}).data
    assert [item.proration for item in waiting] == [True, True]
    foreseen = api.v1.invoices.create_preview({"subscription": subscription.id})
    shared.post("/_sandbox/clock", {"to": item_of(subscription).current_period_end + 1}).raise_for_status()
    renewed = api.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    invoice = cast("stripe.Invoice", renewed.latest_invoice)
    assert len(invoice.lines.data) == 3
    assert invoice.amount_paid == foreseen.amount_due == sum(item.amount for item in waiting) + 1999


def test_there_and_back_costs_nothing(shared: Stand, api: stripe.StripeClient, subscribe: Subscribe) -> None:
    subscription = subscribe()
    shared.advance(5 * DAY)
    at = shared.now()
    for price in (MAX, PRO, MAX, PRO):
        api.v1.subscriptions.update(subscription.id, to(subscription, price, proration_date=at))
    waiting = api.v1.invoice_items.list({"customer": str(subscription.customer)}).data
    assert sum(item.amount for item in waiting) == 0


def test_without_proration_only_the_next_period_differs(api: stripe.StripeClient, subscribe: Subscribe) -> None:
    subscription = subscribe()
    api.v1.subscriptions.update(subscription.id, to(subscription, MAX, proration_behavior="none"))
    assert api.v1.invoice_items.list({"customer": str(subscription.customer)}).data == []
    assert api.v1.invoices.create_preview({"subscription": subscription.id}).amount_due == 1999


def test_another_interval_begins_a_period_and_is_billed_at_once(
    shared: Stand, api: stripe.StripeClient, subscribe: Subscribe
) -> None:
    subscription = subscribe()
    start, end = item_of(subscription).current_period_start, item_of(subscription).current_period_end
    shared.advance(10 * DAY)
    at = shared.now()
    changed = api.v1.subscriptions.update(
        subscription.id, to(subscription, MAX_YEAR, proration_date=at, expand=["latest_invoice"])
    )
    invoice = cast("stripe.Invoice", changed.latest_invoice)
    assert invoice.amount_paid == 19990 - share(999, end - at, end - start)
    assert item_of(changed).current_period_end - item_of(changed).current_period_start in (365 * DAY, 366 * DAY)
    assert changed.billing_cycle_anchor == item_of(changed).current_period_start


def test_what_an_immediate_downgrade_gives_back_pays_the_next_invoice(
    shared: Stand, api: stripe.StripeClient, subscribe: Subscribe
) -> None:
    subscription = subscribe(price=MAX)
    changed = api.v1.subscriptions.update(
        subscription.id, to(subscription, PRO, proration_behavior="always_invoice", expand=["latest_invoice"])
    )
    invoice = cast("stripe.Invoice", changed.latest_invoice)
    assert (invoice.total, invoice.amount_due, invoice.status, invoice.ending_balance) == (-1000, 0, "paid", -1000)
    assert api.v1.customers.retrieve(str(subscription.customer)).balance == -1000
    shared.post("/_sandbox/clock", {"to": item_of(subscription).current_period_end + 1}).raise_for_status()
    renewed = api.v1.invoices.list({"subscription": subscription.id}).data[0]
    assert (renewed.total, renewed.amount_due, renewed.status) == (999, 0, "paid")
    assert api.v1.customers.retrieve(str(subscription.customer)).balance == -1


def test_an_upgrade_that_cannot_be_paid_does_not_happen(api: stripe.StripeClient, subscribe: Subscribe) -> None:
    subscription = subscribe()
    customer = str(subscription.customer)
    failing = api.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    api.v1.subscriptions.update(subscription.id, {"default_payment_method": failing.id})
    asked = to(subscription, MAX, proration_behavior="always_invoice", payment_behavior="error_if_incomplete")
    with pytest.raises(stripe.CardError) as refused:
        api.v1.subscriptions.update(subscription.id, asked)
    assert (refused.value.http_status, refused.value.code) == (402, "card_declined")
    kept = api.v1.subscriptions.retrieve(subscription.id)
    assert (item_of(kept).price.id, kept.status) == (PRO, "active")
    assert len(api.v1.invoices.list({"subscription": subscription.id}).data) == 1


def test_an_upgrade_waits_for_its_payment(shared: Stand, api: stripe.StripeClient, subscribe: Subscribe) -> None:
    subscription = subscribe()
    customer = str(subscription.customer)
    failing = api.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    api.v1.subscriptions.update(subscription.id, {"default_payment_method": failing.id})
    asked = to(subscription, MAX, proration_behavior="always_invoice", payment_behavior="pending_if_incomplete")
    waiting = api.v1.subscriptions.update(subscription.id, asked)
    assert waiting.pending_update is not None
    assert (item_of(waiting).price.id, waiting.status) == (PRO, "active")
    [invoice] = api.v1.invoices.list({"subscription": subscription.id, "status": "open"}).data
    good = api.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    assert invoice.id is not None
    api.v1.invoices.pay(invoice.id, {"payment_method": good.id})
    applied = api.v1.subscriptions.retrieve(subscription.id)
    assert (item_of(applied).price.id, applied.pending_update, applied.latest_invoice) == (MAX, None, invoice.id)

    asked["items"][0]["price"] = MAX_YEAR
    api.v1.subscriptions.update(subscription.id, asked)
    shared.advance(DAY)
    expired = api.v1.subscriptions.retrieve(subscription.id)
    assert (item_of(expired).price.id, expired.pending_update) == (MAX, None)
    assert api.v1.invoices.list({"subscription": subscription.id, "status": "void"}).data


def test_a_change_goes_with_the_invoice_it_waits_for(api: stripe.StripeClient, subscribe: Subscribe) -> None:
    subscription = subscribe()
    failing = api.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": str(subscription.customer)})
    api.v1.subscriptions.update(subscription.id, {"default_payment_method": failing.id})
    asked = to(subscription, MAX, proration_behavior="always_invoice", payment_behavior="pending_if_incomplete")
    waiting = api.v1.subscriptions.update(subscription.id, asked)
    api.v1.invoices.void_invoice(str(waiting.latest_invoice))
    kept = api.v1.subscriptions.retrieve(subscription.id)
    assert (item_of(kept).price.id, kept.pending_update) == (PRO, None)


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"items": [{"id": "si_nothing", "price": MAX}]}, "items[0][id]"),
        ({"items": [{"price": "price_nothing"}]}, "items[0][price]"),
        ({"items": [{"price": MAX_YEAR}]}, "items"),
        ({"items": [{"price": PRO}]}, "items[0][price]"),
        ({"proration_date": 1_000_000, "billing_cycle_anchor": "now"}, "proration_date"),
        ({"proration_behavior": "sometimes"}, "proration_behavior"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(
    api: stripe.StripeClient, subscribe: Subscribe, asked: Any, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.subscriptions.update(subscribe().id, asked)
    assert refused.value.param == param


def test_the_unused_time_of_a_canceled_subscription_is_credited(
    shared: Stand, api: stripe.StripeClient, subscribe: Subscribe
) -> None:
    subscription = subscribe()
    shared.advance(10 * DAY)
    ended = api.v1.subscriptions.cancel(subscription.id, {"prorate": True, "invoice_now": True})
    assert ended.status == "canceled"
    start, end = item_of(subscription).current_period_start, item_of(subscription).current_period_end
    credit = -(api.v1.customers.retrieve(str(subscription.customer)).balance or 0)
    assert abs(credit - share(999, end - start - 10 * DAY, end - start)) <= 1  # seconds have passed
    invoice = api.v1.invoices.list({"subscription": subscription.id}).data[0]
    assert (invoice.status, invoice.total) == ("paid", -credit)
