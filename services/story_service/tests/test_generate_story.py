"""Accepting: what is taken, what is refused, and what the same key gives."""

import asyncio

import pytest

from common_service.idempotency import IdempotencyKeyReused
from services.story_service.tests.worlds import READER, UNSAFE, World, a_plan, no_plan
from story_service.application.attempts import AttemptKey
from story_service.application.generate_story import Ask
from story_service.domain.errors import (
    InputBlocked,
    MaxPriceExceeded,
    ModelUnavailable,
    ModerationUnavailable,
    PlanUpgradeRequired,
    QuotaExceeded,
    SubscriptionRequired,
)
from story_service.domain.generation import Billing, State
from story_service.domain.story import Length, StoryRequest

pytestmark = pytest.mark.anyio


async def test_an_accepted_story_is_written_settled_and_the_latest(world: World) -> None:
    generation = await world.ended(await world.ask())
    assert (generation.state, generation.billing) == (State.SUCCEEDED, Billing.SETTLED)
    story = await world.use.stories.latest(READER)
    assert story.title == "The Last Ferry"
    assert story.body.startswith("Nobody saw the keeper leave.")
    assert story.token_cost == 460
    assert await world.settled() == {"stories.day": 1, "tokens.month": 460}


async def test_without_a_subscription_nothing_is_asked_of_anybody(world: World) -> None:
    world.subscriptions.plan = no_plan()
    with pytest.raises(SubscriptionRequired) as refusal:
        await world.ask()
    assert refusal.value.action == {
        "type": "checkout",
        "href": "/payment/v1/checkout-sessions",
        "plans": ["pro", "max"],
    }
    assert (world.moderator.asked, world.writer.calls) == ([], 0)


async def test_the_sixth_story_of_a_day_is_refused_until_midnight(world: World) -> None:
    world.subscriptions.plan = a_plan(stories=5)
    for number in range(5):
        await world.ended(await world.ask(f"key-{number}"))
    with pytest.raises(QuotaExceeded) as refusal:
        await world.ask("key-6")
    assert (refusal.value.meter, refusal.value.limit, refusal.value.used) == ("stories.day", 5, 5)
    assert refusal.value.resets_at.isoformat() == "2026-11-22T00:00:00+00:00"
    assert refusal.value.retry_after == 12 * 3600
    assert (await world.settled())["stories.day"] == 5


async def test_tomorrow_the_day_counts_anew(world: World) -> None:
    world.subscriptions.plan = a_plan(stories=1)
    await world.ended(await world.ask("today"))
    world.clock.now = world.clock.now.replace(day=22)
    assert (await world.ended(await world.ask("tomorrow"))).state is State.SUCCEEDED


async def test_sixty_at_once_over_a_limit_of_five_are_five(world: World) -> None:
    world.subscriptions.plan = a_plan(stories=5)
    answers = await asyncio.gather(*(world.ask(f"key-{n}") for n in range(60)), return_exceptions=True)
    accepted = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert len(accepted) == 5
    assert sum(isinstance(answer, QuotaExceeded) for answer in answers) == 55
    for generation in accepted:
        await world.ended(generation)
    assert (await world.settled())["stories.day"] == 5
    assert len(await world.use.stories.page(READER, before=None, most=100)) == 5


async def test_more_at_once_than_the_plan_allows_is_refused(world: World) -> None:
    world.subscriptions.plan = a_plan(at_once=2)
    world.writer.scripts = [[asyncio.Event()]]
    answers = await asyncio.gather(*(world.ask(f"key-{n}") for n in range(10)), return_exceptions=True)
    refusals = [answer for answer in answers if isinstance(answer, QuotaExceeded)]
    assert {(r.meter, r.limit, r.used) for r in refusals} == {("concurrent.generations", 2, 2)}
    assert len(refusals) == 8


async def test_fifty_at_once_with_one_key_are_one_generation(world: World) -> None:
    answers = await asyncio.gather(*(world.ask("same") for _ in range(50)))
    assert len({generation.id for generation in answers}) == 1
    assert len({repr(generation.quote) for generation in answers}) == 1
    await world.ended(answers[0])
    assert world.writer.calls == 1
    assert (await world.settled())["stories.day"] == 1


async def test_the_same_key_with_another_wish_is_refused(world: World) -> None:
    await world.ask("same")
    with pytest.raises(IdempotencyKeyReused):
        await world.ask("same", prompt="Something else")


async def test_the_same_key_is_answered_after_the_subscription_ended(world: World) -> None:
    first = await world.ask("same")
    world.subscriptions.plan = no_plan()
    assert (await world.ask("same")).id == first.id


async def test_blocked_input_leaves_nothing_but_the_decision(world: World) -> None:
    with pytest.raises(InputBlocked) as refusal:
        await world.ask(prompt=f"Tell me {UNSAFE}")
    assert refusal.value.reasons == ["violence"]
    assert await world.use.stories.page(READER, before=None, most=9) == []
    assert await world.settled() == {"stories.day": 0, "tokens.month": 0}
    assert (await world.ended(await world.ask(prompt="Tell me gently"))).state is State.SUCCEEDED


async def test_without_a_moderator_nothing_is_accepted(world: World) -> None:
    world.moderator.is_down = True
    with pytest.raises(ModerationUnavailable):
        await world.ask()
    world.moderator.is_down = False
    assert (await world.settled())["stories.day"] == 0


@pytest.mark.parametrize(
    ("model", "max_price", "refusal"),
    [("gpt-9", None, ModelUnavailable), ("gpt-5", None, PlanUpgradeRequired), (None, 10, MaxPriceExceeded)],
)
async def test_what_cannot_be_had_is_refused(
    world: World, model: str | None, max_price: int | None, refusal: type[Exception]
) -> None:
    ask = Ask(READER, StoryRequest("A wish", length=Length.SHORT), model, max_price)
    with pytest.raises(refusal):
        await world.use.generate(ask, AttemptKey("key", b"digest"))
    assert await world.settled() == {"stories.day": 0, "tokens.month": 0}


async def test_more_tokens_than_are_left_are_refused(world: World) -> None:
    world.subscriptions.plan = a_plan(tokens=500)
    with pytest.raises(QuotaExceeded) as refusal:
        await world.ask()
    assert refusal.value.meter == "tokens.month"
    assert refusal.value.resets_at.isoformat() == "2026-12-01T00:00:00+00:00"
    assert await world.settled() == {"stories.day": 0, "tokens.month": 0}
