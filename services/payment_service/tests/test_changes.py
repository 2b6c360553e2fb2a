"""Another plan, the end of it, and going on: by key, one at a time, and seen only after a sync."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from common_service.idempotency import IdempotencyInProgress, IdempotencyKeyReused
from common_service.testing import FixedClock
from payment_service.application.change_subscription import ChangeWish
from payment_service.application.ports import Attempt
from payment_service.domain.change_errors import (
    ChangePending,
    NoChangePending,
    NoLiveSubscription,
    PaymentActionRequired,
    PaymentIncomplete,
    PaymentOverdue,
    ProrationStale,
    SamePlan,
    SubscriptionEnding,
    SubscriptionInactive,
)
from payment_service.domain.changes import TO_PORTAL, effect_of
from payment_service.domain.errors import PlanUnknown, PricesNotLoaded, ProviderRefused, ProviderUnavailable
from payment_service.domain.ids import CustomerId, UserId
from payment_service.domain.plans import Interval
from payment_service.domain.subscription import ProviderStatus, Subscription, Terms
from services.payment_service.tests.fake_subscriptions import FakeSubscriptions
from services.payment_service.tests.harness import Harness, somebody
from services.payment_service.tests.shipped import shipped_catalogue

pytestmark = pytest.mark.anyio
UP, DOWN = ChangeWish("max", "month"), ChangeWish("pro", "month")
UPGRADED = {"plan_code": "max", "interval": "month", "takes_effect": "now", "takes_effect_at": None}


def attempt(user_id: UserId, key: str = "key", route: str = "change", digest: bytes = b"body") -> Attempt:
    return Attempt(user_id, route, key, digest)


def desk(harness: Harness) -> FakeSubscriptions:
    return cast("FakeSubscriptions", harness.world.subscriptions)


async def subscribed(harness: Harness) -> tuple[UserId, CustomerId]:
    user_id = somebody()
    return user_id, await harness.subscribe(user_id)


async def seen(harness: Harness, user_id: UserId) -> Subscription:
    return await harness.use_cases.read_subscription(user_id)


async def test_an_upgrade_comes_at_once_and_is_seen_after_the_sync(harness: Harness) -> None:
    user_id, customer = await subscribed(harness)
    harness.clock.advance(days=10)
    opened = await harness.use_cases.change_plan(attempt(user_id), UP)
    assert opened.answer.body == {
        "plan_code": "max",
        "interval": "month",
        "takes_effect": "now",
        "takes_effect_at": None,
    }
    harness.stripe.events.clear()  # no webhook comes: the call itself asked for the sync
    assert (await seen(harness, user_id)).plan_code == "pro"
    await harness.drain()
    assert (await seen(harness, user_id)).plan_code == "max"
    access = await harness.access(user_id)
    assert (access.access.plan_code, access.cause.type) == ("max", "manual")
    assert "subscription.upgraded" in await harness.types()
    assert harness.stripe.invoices[customer][-1].amount_paid == 1333 - 666


async def test_a_preview_says_what_the_change_will_cost_and_changes_nothing(harness: Harness) -> None:
    user_id, customer = await subscribed(harness)
    harness.clock.advance(days=7)
    before = list(harness.stripe.subscriptions[customer])
    preview = await harness.use_cases.preview_change(user_id, UP)
    assert (preview.order.effect, preview.due_at, preview.bill.proration_at) == ("now", None, harness.clock.now)
    assert harness.stripe.subscriptions[customer] == before
    harness.clock.advance(minutes=20)
    wish = ChangeWish("max", "month", preview.bill.proration_at)
    await harness.use_cases.change_plan(attempt(user_id), wish)
    assert harness.stripe.invoices[customer][-1].amount_paid == preview.bill.amount_due


@pytest.mark.parametrize("minutes", [-61, 5, 60 * 24 * 20])
async def test_nobody_chooses_the_moment_from_which_it_is_charged(harness: Harness, minutes: int) -> None:
    user_id, customer = await subscribed(harness)
    harness.clock.advance(days=3)
    present = (await harness.use_cases.preview_change(user_id, UP)).bill.proration_at
    assert present is not None
    harness.clock.advance(minutes=-minutes)
    with pytest.raises(ProrationStale):
        await harness.use_cases.change_plan(attempt(user_id), ChangeWish("max", "month", present))
    assert len(harness.stripe.invoices[customer]) == 1


async def test_a_downgrade_waits_for_the_end_of_the_period_and_can_be_taken_back(harness: Harness) -> None:
    user_id, customer = await subscribed(harness)
    await harness.use_cases.change_plan(attempt(user_id), UP)
    await harness.settle()
    preview = await harness.use_cases.preview_change(user_id, DOWN)
    end = (await seen(harness, user_id)).terms.period_end
    assert (preview.order.effect, preview.bill.amount_due, preview.due_at) == ("period_end", 999, end)
    opened = await harness.use_cases.change_plan(attempt(user_id, "down"), DOWN)
    assert (opened.answer.body["takes_effect"], opened.answer.body["takes_effect_at"]) == (
        "period_end",
        "2026-12-21T12:00:00Z",
    )
    await harness.settle()
    picture = await harness.use_cases.read_picture(user_id)
    assert picture.subscription.plan_code == "max"
    assert picture.pending is not None
    assert (picture.pending.plan_code, picture.pending.interval, picture.pending.at) == ("pro", "month", end)
    with pytest.raises(ChangePending):
        await harness.use_cases.change_plan(attempt(user_id, "again"), DOWN)
    withdrawn = await harness.use_cases.withdraw_change(attempt(user_id, route="withdraw"))
    assert withdrawn.answer.body == {"plan_code": "max", "interval": "month"}
    await harness.settle()
    assert (await harness.use_cases.read_picture(user_id)).pending is None
    with pytest.raises(NoChangePending):
        await harness.use_cases.withdraw_change(attempt(user_id, "b", route="withdraw"))
    await harness.use_cases.change_plan(attempt(user_id, "down again"), DOWN)
    desk(harness).reach_period_end(customer)
    await harness.settle()
    assert (await seen(harness, user_id)).plan_code == "pro"
    assert "subscription.downgraded" in await harness.types()


async def test_a_change_that_needs_its_owner_waits_and_says_where_to_pay(harness: Harness) -> None:
    user_id, customer = await subscribed(harness)
    desk(harness).needs_its_owner = True
    with pytest.raises(PaymentActionRequired) as asked:
        await harness.use_cases.change_plan(attempt(user_id), UP)
    bill = {"type": "pay_invoice", "href": "https://invoice.stripe.com/i/2"}
    assert asked.value.action == bill
    await harness.settle()
    picture = await harness.use_cases.read_picture(user_id)
    assert (picture.subscription.plan_code, picture.action) == ("pro", bill)
    assert picture.pending is not None
    assert picture.pending.kind == "unpaid"
    with pytest.raises(ChangePending) as pending:
        await harness.use_cases.change_plan(attempt(user_id, "again"), UP)
    assert pending.value.action == bill
    desk(harness).pay_bill(customer)
    await harness.settle()
    picture = await harness.use_cases.read_picture(user_id)
    assert (picture.subscription.plan_code, picture.pending, picture.action) == ("max", None, None)


async def test_a_change_that_nobody_pays_for_can_be_taken_back(harness: Harness) -> None:
    user_id, customer = await subscribed(harness)
    desk(harness).needs_its_owner = True
    with pytest.raises(PaymentActionRequired):
        await harness.use_cases.change_plan(attempt(user_id), UP)
    await harness.use_cases.withdraw_change(attempt(user_id, route="withdraw"))
    await harness.settle()
    assert (await harness.use_cases.read_picture(user_id)).pending is None
    assert harness.stripe.invoices[customer][-1].status == "void"


@pytest.mark.parametrize(
    ("terms", "refusal"),
    [
        ({"status": ProviderStatus.INCOMPLETE}, PaymentIncomplete),
        ({"status": ProviderStatus.PAST_DUE}, PaymentOverdue),
        ({"status": ProviderStatus.UNPAID}, PaymentOverdue),
        ({"status": ProviderStatus.PAUSED}, SubscriptionInactive),
        ({"status": ProviderStatus.UNKNOWN}, SubscriptionInactive),
        ({"status": ProviderStatus.CANCELED}, NoLiveSubscription),
        ({"cancel_at_period_end": True}, SubscriptionEnding),
        ({"pending_price_id": "price_max_month"}, ChangePending),
    ],
)
async def test_what_stands_in_the_way_is_what_the_provider_says_now(
    harness: Harness, terms: dict[str, Any], refusal: type[Exception]
) -> None:
    user_id, customer = await subscribed(harness)
    harness.stripe.change(customer, **terms)
    for look in (
        lambda: harness.use_cases.preview_change(user_id, UP),
        lambda: harness.use_cases.change_plan(attempt(user_id), UP),
    ):
        with pytest.raises(refusal) as refused:
            await look()
        if refusal in {PaymentIncomplete, PaymentOverdue}:
            assert getattr(refused.value, "action", None) == TO_PORTAL


@pytest.mark.parametrize(
    ("wish", "refusal"),
    [
        (DOWN, SamePlan),
        (ChangeWish("free", "month"), PlanUnknown),
        (ChangeWish("gold", "month"), PlanUnknown),
        (ChangeWish("max", "year"), PlanUnknown),
    ],
)
async def test_what_is_not_sold_cannot_be_changed_to_and_the_key_stays_free(
    harness: Harness, wish: ChangeWish, refusal: type[Exception]
) -> None:
    user_id, _ = await subscribed(harness)
    with pytest.raises(refusal):
        await harness.use_cases.change_plan(attempt(user_id), wish)
    assert not (await harness.use_cases.change_plan(attempt(user_id), UP)).is_replay


async def test_whoever_has_nothing_can_change_nothing(harness: Harness) -> None:
    user_id = somebody()
    calls: list[Callable[[], Any]] = [
        lambda: harness.use_cases.preview_change(user_id, UP),
        lambda: harness.use_cases.change_plan(attempt(user_id), UP),
        lambda: harness.use_cases.withdraw_change(attempt(user_id, route="withdraw")),
        lambda: harness.use_cases.cancel_subscription(attempt(user_id, route="cancel"), None),
        lambda: harness.use_cases.resume_subscription(attempt(user_id, route="resume")),
    ]
    for call in calls:
        with pytest.raises(NoLiveSubscription):
            await call()


async def test_the_same_key_changes_once(harness: Harness) -> None:
    user_id, customer = await subscribed(harness)
    first = await harness.use_cases.change_plan(attempt(user_id), UP)
    calls = harness.stripe.calls
    again = await harness.use_cases.change_plan(attempt(user_id), UP)
    assert (again.answer, again.is_replay, harness.stripe.calls) == (first.answer, True, calls)
    assert len(harness.stripe.invoices[customer]) == 2
    with pytest.raises(IdempotencyKeyReused):
        await harness.use_cases.change_plan(attempt(user_id, digest=b"other"), UP)


async def test_twenty_tabs_change_once(harness: Harness) -> None:
    user_id, customer = await subscribed(harness)
    answers = await asyncio.gather(
        *(harness.use_cases.change_plan(attempt(user_id, f"tab-{n}"), UP) for n in range(20)), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    assert len(refused) == 19
    assert all(isinstance(answer, IdempotencyInProgress | SamePlan) for answer in refused)
    assert len(harness.stripe.invoices[customer]) == 2


@pytest.mark.parametrize("fault", [ProviderUnavailable, ProviderRefused("nothing_to_do")])
async def test_what_the_provider_does_not_do_blocks_nobody(harness: Harness, fault: Any) -> None:
    user_id, customer = await subscribed(harness)

    async def then_fail() -> None:
        harness.stripe.faults = [fault]

    harness.stripe.before_answer = then_fail
    with pytest.raises((ProviderUnavailable, ProviderRefused)):
        await harness.use_cases.change_plan(attempt(user_id), UP)
    harness.stripe.faults.clear()
    await harness.use_cases.change_plan(attempt(user_id), UP)
    assert len(harness.stripe.invoices[customer]) == 2


@pytest.mark.parametrize(
    ("status", "current", "target", "interval", "effect"),
    [
        ("active", "pro", "max", "month", "now"),
        ("active", "max", "pro", "month", "period_end"),
        ("active", "pro", "pro", "year", "now"),
        ("active", "pro", "pro", "month", "period_end"),
        ("active", "max", "pro", "year", "period_end"),
        ("trialing", "max", "pro", "month", "now"),
    ],
)
def test_more_comes_now_and_less_later(status: str, current: str, target: str, interval: Interval, effect: str) -> None:
    plans = shipped_catalogue().plans
    terms = Terms("sub_1", ProviderStatus(status), FixedClock().now)
    assert effect_of(terms, plans[current], plans[target], interval) == effect


def test_prices_have_to_be_known_before_anything_is_sold() -> None:
    with pytest.raises(PricesNotLoaded):
        shipped_catalogue().sold("pro", "month")
