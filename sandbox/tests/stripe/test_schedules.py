"""Another plan at the end of the period: schedules and their phases."""

from collections.abc import Callable
from typing import Any, cast

import pytest
import stripe

from sandbox.stripe.billing.proration import share
from sandbox.stripe.testing import Stand

Subscribe = Callable[..., stripe.Subscription]
DAY = 86_400
PRO, MAX = "price_TrueCrimeProMonth", "price_TrueCrimeMaxMonth"


def item_of(subscription: stripe.Subscription) -> stripe.SubscriptionItem:
    item: stripe.SubscriptionItem = subscription["items"].data[0]
    return item


def scheduled_down(api: stripe.StripeClient, subscription: stripe.Subscription) -> stripe.SubscriptionSchedule:
    """Max until the period ends, then Pro."""
    schedule = api.v1.subscription_schedules.create({"from_subscription": subscription.id})
    running = schedule.phases[0]
    phases: Any = [
        {"items": [{"price": MAX, "quantity": 1}], "start_date": running.start_date, "end_date": running.end_date},
        {"items": [{"price": PRO, "quantity": 1}], "duration": {"interval": "month"}, "proration_behavior": "none"},
    ]
    return api.v1.subscription_schedules.update(schedule.id, {"end_behavior": "release", "phases": phases})


def test_a_downgrade_happens_at_the_end_of_the_period(
    shared: Stand, api: stripe.StripeClient, subscribe: Subscribe
) -> None:
    subscription = subscribe(price=MAX)
    schedule = scheduled_down(api, subscription)
    attached = api.v1.subscriptions.retrieve(subscription.id)
    assert (attached.schedule, item_of(attached).price.id) == (schedule.id, MAX)
    assert api.v1.invoices.create_preview({"subscription": subscription.id}).amount_due == 999
    end = item_of(subscription).current_period_end
    shared.post("/_sandbox/clock", {"to": end + 1}).raise_for_status()
    down = api.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    assert (item_of(down).id, item_of(down).price.id) == (item_of(subscription).id, PRO)
    assert cast("stripe.Invoice", down.latest_invoice).amount_paid == 999
    shared.post("/_sandbox/clock", {"to": item_of(down).current_period_end + 1}).raise_for_status()
    assert api.v1.subscription_schedules.retrieve(schedule.id).status == "released"
    free = api.v1.subscriptions.retrieve(subscription.id)
    assert (free.schedule, free.status, item_of(free).price.id) == (None, "active", PRO)


def test_a_downgrade_is_taken_back(api: stripe.StripeClient, subscribe: Subscribe) -> None:
    subscription = subscribe(price=MAX)
    schedule = scheduled_down(api, subscription)
    with pytest.raises(stripe.InvalidRequestError, match="managed by the subscription schedule"):
        api.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    released = api.v1.subscription_schedules.release(schedule.id)
    assert (released.status, released.released_subscription) == ("released", subscription.id)
    assert api.v1.subscriptions.retrieve(subscription.id).schedule is None
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.subscription_schedules.release(schedule.id)


def test_a_canceled_schedule_ends_its_subscription(api: stripe.StripeClient, subscribe: Subscribe) -> None:
    subscription = subscribe()
    schedule = api.v1.subscription_schedules.create({"from_subscription": subscription.id})
    assert api.v1.subscription_schedules.cancel(schedule.id).status == "canceled"
    assert api.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    listed = api.v1.subscription_schedules.list({"customer": str(subscription.customer)}).data
    assert [each.id for each in listed] == [schedule.id]


def test_a_phase_inside_a_period_is_prorated(shared: Stand, api: stripe.StripeClient, subscribe: Subscribe) -> None:
    subscription = subscribe()
    start, end = item_of(subscription).current_period_start, item_of(subscription).current_period_end
    schedule = api.v1.subscription_schedules.create({"from_subscription": subscription.id})
    middle = start + 10 * DAY
    phases: Any = [
        {"items": [{"price": PRO}], "start_date": start, "end_date": middle},
        {"items": [{"price": MAX}], "proration_behavior": "always_invoice", "end_date": end},
    ]
    api.v1.subscription_schedules.update(schedule.id, {"phases": phases})
    shared.post("/_sandbox/clock", {"to": middle + 1}).raise_for_status()
    up = api.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    assert item_of(up).price.id == MAX
    expected = share(1999, end - middle, end - start) - share(999, end - middle, end - start)
    assert cast("stripe.Invoice", up.latest_invoice).amount_paid == expected
