"""The provider did it and its answer was lost: asked again under the same key, the first answer comes."""

from collections.abc import Awaitable, Callable

import pytest

from payment_service.application.open_checkout import Opened
from payment_service.domain.change_errors import PaymentActionRequired, SamePlan
from payment_service.domain.errors import ProviderUnavailable
from payment_service.domain.ids import UserId
from payment_service.domain.subscription import ProviderStatus
from services.payment_service.tests.harness import Harness
from services.payment_service.tests.test_changes import DOWN, UP, UPGRADED, attempt, desk, seen, subscribed

pytestmark = pytest.mark.anyio
Call = Callable[[], Awaitable[Opened]]


async def lost(harness: Harness, call: Call, calls: int = 2) -> None:
    """Call, and let the answer of the last of so many calls of the provider's be lost."""

    async def ahead(left: int) -> None:
        if left:
            harness.stripe.before_answer = lambda: ahead(left - 1)
        else:
            harness.stripe.faults = [ProviderUnavailable]

    harness.stripe.before_answer = lambda: ahead(calls - 1)
    with pytest.raises(ProviderUnavailable):
        await call()


async def same_again(harness: Harness, call: Call, calls: int = 2) -> dict[str, object]:
    """Lose an answer, and return what comes under the same key before and after the sync: the same."""
    await lost(harness, call, calls)
    first = await call()
    await harness.settle()
    second = await call()
    assert (first.answer, second.is_replay) == (second.answer, True)
    return dict(first.answer.body)


async def upgraded(harness: Harness) -> UserId:
    user_id, _ = await subscribed(harness)
    await harness.use_cases.change_plan(attempt(user_id, "up"), UP)
    await harness.settle()
    return user_id


async def test_a_downgrade(harness: Harness) -> None:
    user_id = await upgraded(harness)
    answer = await same_again(harness, lambda: harness.use_cases.change_plan(attempt(user_id), DOWN))
    assert (answer["takes_effect"], answer["takes_effect_at"]) == ("period_end", "2026-12-21T12:00:00Z")


async def test_a_downgrade_that_has_come_since(harness: Harness) -> None:
    user_id, customer = await subscribed(harness)
    await harness.use_cases.change_plan(attempt(user_id, "up"), UP)
    await harness.settle()
    await lost(harness, lambda: harness.use_cases.change_plan(attempt(user_id), DOWN))
    desk(harness).reach_period_end(customer)
    await harness.settle()
    replayed = await harness.use_cases.change_plan(attempt(user_id), DOWN)
    assert replayed.answer.body["takes_effect"] == "period_end"


async def test_a_withdrawal(harness: Harness) -> None:
    user_id = await upgraded(harness)
    await harness.use_cases.change_plan(attempt(user_id), DOWN)
    await harness.settle()
    withdrawal = attempt(user_id, route="withdraw")
    answer = await same_again(harness, lambda: harness.use_cases.withdraw_change(withdrawal))
    assert answer == {"plan_code": "max", "interval": "month"}


async def test_the_end_and_the_going_on(harness: Harness) -> None:
    user_id, _ = await subscribed(harness)
    end, resume = attempt(user_id, route="cancel"), attempt(user_id, route="resume")
    ended = await same_again(harness, lambda: harness.use_cases.cancel_subscription(end, None))
    assert ended == {"ends_at": "2026-12-21T12:00:00Z"}
    going = await same_again(harness, lambda: harness.use_cases.resume_subscription(resume))
    assert going == {"renews_at": "2026-12-21T12:00:00Z"}


async def test_the_end_of_what_was_never_paid(harness: Harness) -> None:
    user_id, customer = await subscribed(harness)
    harness.stripe.change(customer, status=ProviderStatus.INCOMPLETE)
    await harness.settle()
    end = attempt(user_id, route="cancel")
    ended = await same_again(harness, lambda: harness.use_cases.cancel_subscription(end, None))
    assert ended == {"ends_at": "2026-11-21T12:00:00Z"}


async def test_a_change_that_needs_its_owner(harness: Harness) -> None:
    user_id, customer = await subscribed(harness)
    desk(harness).needs_its_owner = True
    await lost(harness, lambda: harness.use_cases.change_plan(attempt(user_id), UP))
    for _ in range(2):
        with pytest.raises(PaymentActionRequired):
            await harness.use_cases.change_plan(attempt(user_id), UP)
        await harness.settle()
    desk(harness).pay_bill(customer)
    await harness.settle()
    assert (await harness.use_cases.change_plan(attempt(user_id), UP)).answer.body["plan_code"] == "max"
    assert len(harness.stripe.invoices[customer]) == 2


async def test_what_did_not_come_is_asked_for_again(harness: Harness) -> None:
    user_id, customer = await subscribed(harness)
    await lost(harness, lambda: harness.use_cases.change_plan(attempt(user_id), UP), calls=1)
    assert not (await harness.use_cases.change_plan(attempt(user_id), UP)).is_replay
    assert len(harness.stripe.invoices[customer]) == 2


async def test_a_change_whose_answer_was_lost_is_seen_all_the_same(harness: Harness) -> None:
    user_id, customer = await subscribed(harness)

    async def lose() -> None:
        async def the_answer() -> None:
            harness.stripe.faults = [ProviderUnavailable]

        harness.stripe.before_answer = the_answer

    harness.stripe.before_answer = lose
    with pytest.raises(ProviderUnavailable):
        await harness.use_cases.change_plan(attempt(user_id), UP)
    harness.stripe.events.clear()
    await harness.drain()
    assert (await seen(harness, user_id)).plan_code == "max"
    replayed = await harness.use_cases.change_plan(attempt(user_id), UP)
    assert (replayed.answer.body, replayed.is_replay) == (UPGRADED, True)
    with pytest.raises(SamePlan):
        await harness.use_cases.change_plan(attempt(user_id, "another key"), UP)
    assert len(harness.stripe.invoices[customer]) == 2
