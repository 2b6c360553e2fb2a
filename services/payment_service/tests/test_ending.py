"""Cancel with the period, and resume."""

import pytest

from payment_service.domain.change_errors import NotCancelling, SubscriptionEnding
from payment_service.domain.subscription import ProviderStatus
from services.payment_service.tests.harness import PRO, Harness
from services.payment_service.tests.test_changes import DOWN, UP, attempt, desk, seen, subscribed

pytestmark = pytest.mark.anyio


async def test_cancel_and_resume(harness: Harness) -> None:
    user_id, _ = await subscribed(harness)
    with pytest.raises(NotCancelling):
        await harness.use_cases.resume_subscription(attempt(user_id, route="resume"))
    ended = await harness.use_cases.cancel_subscription(attempt(user_id, route="cancel"), "too dark")
    assert (ended.answer.body, desk(harness).reasons) == ({"ends_at": "2026-12-21T12:00:00Z"}, ["too dark"])
    await harness.settle()
    assert (await seen(harness, user_id)).terms.cancel_at_period_end
    assert (await harness.access(user_id)).access.is_entitled
    with pytest.raises(SubscriptionEnding):
        await harness.use_cases.change_plan(attempt(user_id), UP)
    again = await harness.use_cases.cancel_subscription(attempt(user_id, "b", route="cancel"), None)
    assert again.answer == ended.answer
    resumed = await harness.use_cases.resume_subscription(attempt(user_id, route="resume"))
    assert resumed.answer.body == {"renews_at": "2026-12-21T12:00:00Z"}
    await harness.settle()
    assert not (await seen(harness, user_id)).terms.is_ending
    assert {"subscription.cancel_scheduled", "subscription.resumed"} <= set(await harness.types())


async def test_who_cancels_wants_no_other_plan_any_more(harness: Harness) -> None:
    user_id, _ = await subscribed(harness)
    await harness.use_cases.change_plan(attempt(user_id), UP)
    await harness.use_cases.change_plan(attempt(user_id, "down"), DOWN)
    await harness.use_cases.cancel_subscription(attempt(user_id, route="cancel"), None)
    await harness.settle()
    terms = (await seen(harness, user_id)).terms
    assert (terms.is_ending, terms.pending_price_id) == (True, None)


async def test_what_was_never_paid_ends_at_once_and_makes_room(harness: Harness) -> None:
    user_id, customer = await subscribed(harness)
    harness.stripe.change(customer, status=ProviderStatus.INCOMPLETE)
    await harness.settle()
    await harness.use_cases.cancel_subscription(attempt(user_id, route="cancel"), None)
    await harness.settle()
    assert not (await seen(harness, user_id)).terms.is_live
    assert not (await harness.use_cases.open_checkout(attempt(user_id, route="checkout"), PRO)).is_replay
