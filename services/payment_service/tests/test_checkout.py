"""Checkout: one open session, one customer, one live subscription; a crash in between is finished by whoever comes."""

import asyncio

import pytest

from common_service.idempotency import IdempotencyInProgress, IdempotencyKeyReused
from common_service.testing import FixedClock
from payment_service.application.open_checkout import Wish
from payment_service.domain.errors import (
    AlreadySubscribed,
    CheckoutNotFound,
    CheckoutOpen,
    NoCustomer,
    PlanUnknown,
    PricesNotLoaded,
    ProviderRefused,
    ProviderUnavailable,
    ReturnPathNotAllowed,
)
from payment_service.domain.ids import UserId
from payment_service.domain.subscription import ProviderStatus
from services.payment_service.tests.harness import PRO, Harness, attempt, somebody
from services.payment_service.tests.memory import Memory
from services.payment_service.tests.worlds import FakeStripe

pytestmark = pytest.mark.anyio


class Killed(BaseException):
    """The process dies here."""


async def test_a_checkout_opens_a_page_of_the_provider(harness: Harness) -> None:
    user_id = somebody()
    opened = await harness.use_cases.open_checkout(attempt(user_id), PRO)
    checkout, access = await harness.use_cases.read_checkout(user_id, await harness.checkout_id(user_id))
    assert opened.answer.body == {
        "id": str(checkout.id),
        "url": f"https://pay.test/cs_{checkout.id}",
        "expires_at": "2026-11-22T12:00:00Z",
    }
    assert (checkout.state, access, opened.is_replay) == ("open", False, False)
    order, _ = harness.stripe.sessions[f"cs_{checkout.id}"]
    assert (order.price_id, order.user_id) == ("price_pro_month", user_id)


async def test_the_same_key_gets_the_same_answer_without_another_call(harness: Harness) -> None:
    user_id = somebody()
    first = await harness.use_cases.open_checkout(attempt(user_id), PRO)
    calls = harness.stripe.calls
    again = await harness.use_cases.open_checkout(attempt(user_id), PRO)
    assert (again.answer, again.is_replay, harness.stripe.calls) == (first.answer, True, calls)
    with pytest.raises(IdempotencyKeyReused):
        await harness.use_cases.open_checkout(attempt(user_id, digest=b"other"), PRO)


async def test_a_second_checkout_is_told_of_the_first(harness: Harness) -> None:
    user_id = somebody()
    first = await harness.use_cases.open_checkout(attempt(user_id), PRO)
    with pytest.raises(CheckoutOpen) as refused:
        await harness.use_cases.open_checkout(attempt(user_id, "other"), PRO)
    assert (str(refused.value.id), refused.value.url) == (first.answer.body["id"], first.answer.body["url"])


async def test_a_subscriber_may_not_buy_again_but_somebody_whose_subscription_ended_may(harness: Harness) -> None:
    user_id = somebody()
    customer = await harness.subscribe(user_id)
    with pytest.raises(AlreadySubscribed):
        await harness.use_cases.open_checkout(attempt(user_id, "again"), PRO)
    harness.stripe.change(customer, "customer.subscription.deleted", status=ProviderStatus.CANCELED)
    await harness.settle()
    assert not (await harness.use_cases.open_checkout(attempt(user_id, "again"), PRO)).is_replay
    assert len(harness.stripe.customers) == 1


async def test_an_expired_session_makes_room_for_a_new_one(harness: Harness) -> None:
    user_id = somebody()
    first = await harness.use_cases.open_checkout(attempt(user_id), PRO)
    harness.clock.advance(hours=24)
    second = await harness.use_cases.open_checkout(attempt(user_id, "later"), PRO)
    assert second.answer.body["id"] != first.answer.body["id"]


async def test_a_refusal_that_comes_late_does_not_close_what_another_opened(harness: Harness) -> None:
    user_id = somebody()

    async def meanwhile() -> None:
        harness.clock.advance(seconds=31)
        with pytest.raises(CheckoutOpen):
            await harness.use_cases.open_checkout(attempt(user_id, "other"), PRO)
        harness.stripe.faults = [ProviderRefused("late")]

    harness.stripe.before_answer = meanwhile
    with pytest.raises(ProviderRefused):
        await harness.use_cases.open_checkout(attempt(user_id), PRO)
    with pytest.raises(CheckoutOpen) as told:
        await harness.use_cases.open_checkout(attempt(user_id, "third"), PRO)
    assert told.value.url
    assert len(harness.stripe.sessions) == 1


@pytest.mark.parametrize(
    ("wish", "refusal"),
    [
        (Wish("gold", "month", "/"), PlanUnknown),
        (Wish("free", "month", "/"), PlanUnknown),
        (Wish("pro", "year", "/"), PlanUnknown),
        (Wish("pro", "month", "//evil.test"), ReturnPathNotAllowed),
    ],
)
async def test_what_is_not_sold_is_refused_and_the_key_stays_free(
    harness: Harness, wish: Wish, refusal: type[Exception]
) -> None:
    user_id = somebody()
    with pytest.raises(refusal):
        await harness.use_cases.open_checkout(attempt(user_id), wish)
    assert not (await harness.use_cases.open_checkout(attempt(user_id), PRO)).is_replay


async def test_before_prices_are_known_nothing_can_be_bought(clock: FixedClock) -> None:
    memory = Memory()
    harness = Harness(memory.work, memory, FakeStripe(clock), clock)
    with pytest.raises(PricesNotLoaded):
        await harness.use_cases.open_checkout(attempt(somebody()), PRO)
    assert await harness.load_prices() == []
    assert await harness.use_cases.open_checkout(attempt(somebody()), PRO)


async def test_twenty_parallel_checkouts_make_one_customer_and_one_open_session(harness: Harness) -> None:
    user_id = somebody()
    answers = await asyncio.gather(
        *(harness.use_cases.open_checkout(attempt(user_id, f"tab-{n}"), PRO) for n in range(20)),
        return_exceptions=True,
    )
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
    assert sum(isinstance(answer, CheckoutOpen) for answer in answers) == 19
    assert (len(harness.stripe.customers), len(harness.stripe.sessions)) == (1, 1)


async def test_twenty_calls_with_one_key_make_one_session(harness: Harness) -> None:
    user_id = somebody()
    answers = await asyncio.gather(
        *(harness.use_cases.open_checkout(attempt(user_id), PRO) for _ in range(20)), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    assert all(isinstance(answer, IdempotencyInProgress) for answer in refused)
    assert (len(harness.stripe.customers), len(harness.stripe.sessions)) == (1, 1)


async def test_while_the_provider_is_away_the_same_key_may_try_again_at_once(harness: Harness) -> None:
    user_id = somebody()
    harness.stripe.faults = [ProviderUnavailable]
    with pytest.raises(ProviderUnavailable):
        await harness.use_cases.open_checkout(attempt(user_id), PRO)
    opened = await harness.use_cases.open_checkout(attempt(user_id), PRO)
    assert (opened.is_replay, len(harness.stripe.sessions)) == (False, 1)


async def test_what_the_provider_refuses_blocks_nobody(harness: Harness) -> None:
    user_id = somebody()
    harness.stripe.faults = [ProviderRefused("resource_missing")]
    with pytest.raises(ProviderRefused):
        await harness.use_cases.open_checkout(attempt(user_id), PRO)
    assert not (await harness.use_cases.open_checkout(attempt(user_id, "other"), PRO)).is_replay


async def test_a_crash_in_between_is_finished_by_the_same_key_to_the_same_session(harness: Harness) -> None:
    user_id = somebody()
    await _die_after_the_provider_answered(harness, "key", user_id)
    with pytest.raises(IdempotencyInProgress):
        await harness.use_cases.open_checkout(attempt(user_id), PRO)
    harness.clock.advance(seconds=31)
    opened = await harness.use_cases.open_checkout(attempt(user_id), PRO)
    assert (opened.is_replay, len(harness.stripe.sessions), len(harness.stripe.customers)) == (False, 1, 1)


async def test_a_crash_in_between_is_finished_for_others_too(harness: Harness) -> None:
    user_id = somebody()
    await _die_after_the_provider_answered(harness, "key", user_id)
    with pytest.raises(CheckoutOpen) as busy:
        await harness.use_cases.open_checkout(attempt(user_id, "other"), PRO)
    assert (busy.value.url, busy.value.retry_after) == (None, 1)
    harness.clock.advance(seconds=31)
    with pytest.raises(CheckoutOpen) as finished:
        await harness.use_cases.open_checkout(attempt(user_id, "other"), PRO)
    assert finished.value.url is not None
    own = await harness.use_cases.open_checkout(attempt(user_id), PRO)
    assert own.answer.body["url"] == finished.value.url


async def _die_after_the_provider_answered(harness: Harness, key: str, user_id: UserId) -> None:
    """Let the customer be made, and the process die when the session has been."""

    async def live() -> None:
        async def die() -> None:
            raise Killed

        harness.stripe.before_answer = die

    harness.stripe.before_answer = live
    with pytest.raises(Killed):
        await harness.use_cases.open_checkout(attempt(user_id, key), PRO)
    assert len(harness.stripe.sessions) == 1


async def test_others_do_not_see_a_checkout(harness: Harness) -> None:
    user_id = somebody()
    await harness.use_cases.open_checkout(attempt(user_id), PRO)
    with pytest.raises(CheckoutNotFound):
        await harness.use_cases.read_checkout(somebody(), await harness.checkout_id(user_id))


async def test_a_paid_checkout_is_complete_and_gives_access(harness: Harness) -> None:
    user_id = somebody()
    opened = await harness.use_cases.open_checkout(attempt(user_id), PRO)
    checkout_id = await harness.checkout_id(user_id)
    harness.stripe.pay(f"cs_{opened.answer.body['id']}")
    _, before = await harness.use_cases.read_checkout(user_id, checkout_id)
    await harness.settle()
    checkout, after = await harness.use_cases.read_checkout(user_id, checkout_id)
    assert (before, checkout.state, checkout.url, after) == (False, "complete", None, True)


async def test_the_portal_is_for_customers(harness: Harness) -> None:
    user_id = somebody()
    with pytest.raises(NoCustomer):
        await harness.use_cases.open_portal(attempt(user_id, "p"), "/")
    customer = await harness.subscribe(user_id)
    harness.stripe.faults = [ProviderUnavailable]
    with pytest.raises(ProviderUnavailable):
        await harness.use_cases.open_portal(attempt(user_id, "p"), "/")
    opened = await harness.use_cases.open_portal(attempt(user_id, "p"), "/")
    assert str(opened.answer.body["url"]).startswith(f"https://portal.test/{customer}")
    again = await harness.use_cases.open_portal(attempt(user_id, "p"), "/")
    assert (again.answer, again.is_replay) == (opened.answer, True)


async def test_prices_are_learned_once_and_replaced_when_the_provider_changes_them(harness: Harness) -> None:
    plans = {plan.code: plan for plan in await harness.use_cases.list_plans()}
    assert [price.unit_amount for price in plans["pro"].prices] == [999]
    assert list(plans) == ["free", "pro", "max"]
    await harness.load_prices()
    assert {plan.code: plan for plan in await harness.use_cases.list_plans()} == plans


async def test_an_abandoned_row_outlives_no_day(harness: Harness) -> None:
    user_id = somebody()
    await _die_after_the_provider_answered(harness, "key", user_id)
    harness.clock.advance(hours=25)
    assert not (await harness.use_cases.open_checkout(attempt(user_id, "next day"), PRO)).is_replay
