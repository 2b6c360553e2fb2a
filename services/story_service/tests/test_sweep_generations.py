"""What dead processes leave is started, tried again, or closed."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from common_service.database import Database
from services.story_service.tests.worlds import OTHER, READER, STORY_TEXT, CountedWork, World, in_pieces, story_of
from story_service.domain.generation import Billing, Generation, State
from story_service.domain.story import StoryState

pytestmark = pytest.mark.anyio
NOTHING = {"stories.day": 0, "tokens.month": 0}


async def abandoned(world: World, *, pieces: int = 0) -> Generation:
    """Return a running generation whose process died, maybe after some text."""
    world.writer.scripts = [[*in_pieces(STORY_TEXT)[:pieces], asyncio.Event()], in_pieces(STORY_TEXT)]
    generation = await world.ask()
    await world.until_called()
    if pieces:
        await world.until_text(generation)
    await world.kill(generation)
    return await world.generation(generation.id)


def later(world: World, **by: float) -> None:
    world.clock.now += timedelta(**by)


async def test_a_living_lease_is_left_alone(world: World) -> None:
    generation = await abandoned(world)
    later(world, seconds=29)
    assert await world.sweep() == 0
    assert await world.generation(generation.id) == generation


async def test_without_a_word_delivered_another_process_takes_over(world: World) -> None:
    generation = await abandoned(world)
    later(world, seconds=31)
    assert await world.sweep() == 1
    ended = await world.ended(generation)
    assert (ended.state, ended.attempt) == (State.SUCCEEDED, 2)
    assert await world.text(generation) == STORY_TEXT
    assert (await world.settled())["stories.day"] == 1


async def test_after_a_word_it_fails_with_the_part_kept_and_nothing_charged(world: World) -> None:
    generation = await abandoned(world, pieces=100)
    later(world, seconds=31)
    assert await world.sweep() == 1
    ended = await world.generation(generation.id)
    assert (ended.state, ended.billing, ended.error_code) == (State.FAILED, Billing.RELEASED, "writer_lost")
    story = await world.use.stories.one(READER, story_of(generation))
    assert story.state is StoryState.FAILED
    assert story.body
    assert await world.settled() == NOTHING
    assert world.writer.calls == 1


async def test_the_third_loss_expires_it(world: World) -> None:
    world.writer.scripts = [[asyncio.Event()]]
    generation = await world.ask()
    for _ in range(3):
        await world.until_called()
        await world.kill(generation)
        later(world, seconds=31)
        await world.sweep()
    ended = await world.generation(generation.id)
    assert (ended.state, ended.billing, ended.attempt) == (State.EXPIRED, Billing.RELEASED, 3)
    assert await world.settled() == NOTHING


async def test_accepted_and_never_started_is_started_elsewhere(world: World) -> None:
    generation = await abandoned(world)
    async with world.start_work() as work:
        await work.generations.requeue(generation)
        await work.commit()
    later(world, seconds=4)
    await world.sweep()
    assert (await world.ended(generation)).state is State.SUCCEEDED


async def test_too_long_in_the_queue_expires(world: World) -> None:
    generation = await abandoned(world)
    async with world.start_work() as work:
        await work.generations.requeue(generation)
        await work.commit()
    later(world, seconds=120)
    assert await world.sweep() == 1
    ended = await world.generation(generation.id)
    assert (ended.state, ended.error_code) == (State.EXPIRED, "queue_timeout")
    assert await world.settled() == NOTHING


async def test_an_old_fence_cannot_add_a_word(world: World) -> None:
    old = await abandoned(world)
    later(world, seconds=31)
    await world.sweep()
    ended = await world.ended(old)
    before = await world.log(ended)
    async with world.start_work() as work:
        assert await work.generations.beat(old, world.clock()) is False
        assert await work.generations.finish(old) is False
    assert await world.log(ended) == before


async def test_a_run_that_lost_its_lease_ends_silently(world: World) -> None:
    gate = asyncio.Event()
    world.writer.scripts = [[gate, *in_pieces(STORY_TEXT)], in_pieces(STORY_TEXT)]
    generation = await world.ask()
    await world.until_called()
    running = await world.generation(generation.id)
    async with world.start_work() as work:
        assert await work.generations.requeue(running)
        assert await work.generations.lease(running.id, "another", world.clock())
        await work.commit()
    gate.set()
    await world.engine.runs.drain(5)
    assert await world.text(generation) == ""
    held = await world.generation(generation.id)
    assert held == replace(running, fence=running.fence + 2, attempt=2)


async def test_two_sweepers_at_once_do_it_once(world: World) -> None:
    await abandoned(world, pieces=100)
    later(world, seconds=31)
    assert sum(await asyncio.gather(world.sweep(), world.sweep(), world.sweep())) == 1
    assert await world.settled() == NOTHING


async def test_one_that_cannot_be_closed_does_not_hold_up_the_others(database: Database) -> None:
    world = World(lambda: CountedWork(database))
    broken = await abandoned(world, pieces=100)
    async with CountedWork(database) as work:
        await work.session.execute(text("DELETE FROM story.usage_windows"))
        await work.commit()
    world.writer.scripts = [[*in_pieces(STORY_TEXT)[:100], asyncio.Event()]]
    later(world, seconds=1)
    whole = await world.ask("key-2", user_id=OTHER)
    await world.until_text(whole)
    await world.kill(whole)
    later(world, seconds=31)
    assert await world.sweep() == 1
    assert (await world.generation(whole.id)).state is State.FAILED
    assert (await world.generation(broken.id)).is_open
