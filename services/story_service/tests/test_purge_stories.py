"""What a reader deleted is gone 30 days later, with every word of it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from common_service.database import Database
from services.story_service.tests.plans import scans_a_table
from services.story_service.tests.worlds import NOON, READER, STORY_TEXT, CountedWork, World, a_plan, story_of
from story_service.application.purge_stories import DELETED_KEPT, PurgeDeletedStories

pytestmark = pytest.mark.anyio
SECRET = "a lighthouse keeper called Quillon"


def purge(world: World) -> PurgeDeletedStories:
    return PurgeDeletedStories(world.start_work, world.clock)


async def deleted(world: World, key: str = "key") -> Any:
    generation = await world.ended(await world.ask(key, prompt=SECRET))
    await world.use.delete(READER, story_of(generation))
    return generation


async def rows(database: Database, query: str) -> Sequence[Any]:
    async with CountedWork(database) as work:
        return (await work.session.execute(text(query))).all()


async def test_the_words_of_a_request_go_with_the_story_and_the_bill_stays(world: World) -> None:
    generation, kept = await deleted(world), await world.ended(await world.ask("other", prompt=SECRET))
    world.clock.now += DELETED_KEPT
    await purge(world)()
    assert (await world.generation(generation.id)).request["prompt"] == SECRET, "30 days are not over"
    world.clock.now += timedelta(seconds=1)
    assert await purge(world)() is False
    purged = await world.generation(generation.id)
    assert (purged.request["prompt"], purged.request["tone"], purged.price) == ("", None, generation.price)
    assert (await world.generation(kept.id)).request["prompt"] == SECRET
    assert (await world.use.stories.one(READER, story_of(kept))).title == "The Last Ferry"


async def test_what_the_plan_does_not_retain_takes_the_words_of_its_request_along(world: World) -> None:
    world.subscriptions.plan = a_plan(kept=1)
    generation = await world.ended(await world.ask(prompt=SECRET))
    assert (await world.generation(generation.id)).request["prompt"] == SECRET
    kept = await world.ended(await world.ask("other", prompt=SECRET))
    removed = await world.generation(generation.id)
    assert (removed.request["prompt"], removed.request["tone"], removed.price) == ("", None, generation.price)
    assert (await world.generation(kept.id)).request["prompt"] == SECRET


async def test_no_row_holds_the_text_afterwards(database: Database) -> None:
    world = World(lambda: CountedWork(database))
    await deleted(world)
    somewhere = "SELECT 1 FROM story.{0} AS t WHERE t::text LIKE '%' || '{1}' || '%'"
    assert await rows(database, somewhere.format("stories", STORY_TEXT[16:40]))
    assert await rows(database, somewhere.format("generations", SECRET))
    world.clock.now += DELETED_KEPT + timedelta(seconds=1)
    await purge(world)()
    for table in ("stories", "generations", "outbox", "idempotency_keys", "moderation_decisions"):
        for words in (STORY_TEXT[16:40], SECRET):
            assert await rows(database, somewhere.format(table, words)) == [], table


async def test_a_batch_is_found_by_its_index(database: Database) -> None:
    world = World(lambda: CountedWork(database))
    for number in range(3):
        await deleted(world, f"key-{number}")
    async with CountedWork(database) as work:
        later = NOON + timedelta(days=1)
        assert await work.stories.purge_deleted(later, 2) == 2
        assert await work.stories.purge_deleted(later, 2) == 1
        assert await scans_a_table(work, lambda: work.stories.purge_deleted(later, 2), sorts=False) == 1
