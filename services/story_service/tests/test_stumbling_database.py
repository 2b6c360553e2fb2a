"""A database that is away for a moment costs a reader a moment, not the story and not the stream."""

import asyncio
from dataclasses import replace

import pytest

from common_service.database import Database
from services.story_service.tests.worlds import READER, STORY_TEXT, CountedWork, World, story_of
from story_service.application.ports import Work
from story_service.domain.events import Event
from story_service.domain.generation import Billing, State

pytestmark = pytest.mark.anyio


class Away(Exception):
    """What a store raises when it does not answer."""


async def test_a_story_that_is_written_is_closed_at_the_second_attempt(database: Database) -> None:
    failures = [Away(), Away()]

    class Stumbling(CountedWork):
        async def tell(self, *events: Event) -> None:
            if failures:
                raise failures.pop()
            await super().tell(*events)

    world = World(lambda: Stumbling(database))
    ended = await world.ended(await world.ask())
    assert (ended.state, ended.billing, failures) == (State.SUCCEEDED, Billing.SETTLED, [])
    assert (await world.settled())["stories.day"] == 1


async def test_what_broke_after_the_first_word_is_told_at_once(database: Database) -> None:
    failures = [Away()]

    def start() -> Work:
        if len(world.moderator.asked) == 3 and failures:
            raise failures.pop()
        return CountedWork(database)

    world = World(start)
    ended = await world.ended(await world.ask())
    assert (ended.state, ended.billing, ended.error_code) == (State.FAILED, Billing.RELEASED, "writer_broke")
    assert (await world.use.stories.one(READER, story_of(ended))).state.value == "failed"
    assert await world.settled() == {"stories.day": 0, "tokens.month": 0}


async def test_a_stream_outlives_a_store_that_is_away(database: Database) -> None:
    world, failures = World(lambda: CountedWork(database)), [Away()]
    ended = await world.ended(await world.ask())

    def start() -> Work:
        if failures:
            raise failures.pop()
        return CountedWork(database)

    async with asyncio.timeout(60):
        follow = replace(world.use.follow, start_work=start)
        read = [chunk async for chunk in follow(ended, 0) if chunk]
    assert "".join(chunk.text for chunk in read) == STORY_TEXT
    assert read[-1].kind == "done"
