"""A process that dies in the midst of a change: the lane frees itself, and the change is made once."""

import pytest

from common_service.idempotency import IdempotencyInProgress
from services.payment_service.tests.harness import Harness
from services.payment_service.tests.test_changes import UP, UPGRADED, attempt, seen, subscribed

pytestmark = pytest.mark.anyio


class Killed(BaseException):
    """The process dies here."""


async def test_dead_before_stripe_was_asked(harness: Harness) -> None:
    user_id, customer = await subscribed(harness)

    async def die() -> None:
        raise Killed

    harness.stripe.before_answer = die
    with pytest.raises(Killed):
        await harness.use_cases.change_plan(attempt(user_id), UP)
    for key, route in (("key", "change"), ("other", "change"), ("other", "cancel")):
        with pytest.raises(IdempotencyInProgress):
            await harness.use_cases.change_plan(attempt(user_id, key, route), UP)
    harness.clock.advance(seconds=61)
    await harness.use_cases.change_plan(attempt(user_id), UP)
    assert len(harness.stripe.invoices[customer]) == 2


async def test_dead_after_stripe_has_done_it(harness: Harness) -> None:
    user_id, customer = await subscribed(harness)

    async def die_at_the_second_call() -> None:
        async def die() -> None:
            raise Killed

        harness.stripe.before_answer = die

    harness.stripe.before_answer = die_at_the_second_call
    with pytest.raises(Killed):
        await harness.use_cases.change_plan(attempt(user_id), UP)
    await harness.settle()  # the webhook tells what nobody asked about
    assert (await seen(harness, user_id)).plan_code == "max"
    harness.clock.advance(seconds=61)
    replayed = await harness.use_cases.change_plan(attempt(user_id), UP)
    assert (replayed.answer.body, replayed.is_replay) == (UPGRADED, True)
    assert len(harness.stripe.invoices[customer]) == 2
