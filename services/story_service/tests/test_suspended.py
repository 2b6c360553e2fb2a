"""Whoever is suspended has nothing more written for them, and pays for what was delivered."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from common_events.envelope import Envelope
from common_service.database import Database
from common_service.ids import uuid7
from services.story_service.tests.worlds import NOON, OTHER, READER, STORY_TEXT, CountedWork, World, in_pieces
from story_service.application.stop_generation import StopGeneration
from story_service.application.stop_suspended import StopSuspended
from story_service.domain.generation import Billing, State
from story_service.infrastructure.user_events import standing_handlers

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    """Return the service over Postgres."""
    world = World(lambda: CountedWork(database))
    yield world
    await world.engine.runs.drain(0)


def stopping(world: World) -> StopSuspended:
    return StopSuspended(StopGeneration(world.engine.close, world.engine.kinds))


async def hears(world: World, database: Database, status: str = "suspended", *, minutes: int = 0) -> None:
    """Have user_service's fact handled as the consumer does."""
    data = {"user_id": str(READER), "status": status, "until": None, "reason": "admin", "version": 3}
    at = NOON + timedelta(minutes=minutes)
    envelope = Envelope(uuid7(), "user.status_changed", "user", 1, READER, at, str(READER), 3, None, None, None, data)
    async with database.session() as session:
        await standing_handlers(stopping(world))["user.status_changed"](session, envelope)
        await session.commit()


async def test_what_was_delivered_is_settled_and_what_has_not_begun_is_free(world: World, database: Database) -> None:
    world.writer.scripts = [[*in_pieces(STORY_TEXT)[:60], asyncio.Event()], [asyncio.Event()]]
    begun = await world.ask()
    await world.until_text(begun)
    silent = await world.ask("key-2")
    theirs = await world.ask("key-3", user_id=OTHER)
    for _ in range(3):
        await world.until_called()
    for _ in range(2):  # told twice, it is done once
        await hears(world, database)
    stopped, free = await world.generation(begun.id), await world.generation(silent.id)
    assert (stopped.state, stopped.billing) == (State.CANCELLED, Billing.SETTLED)
    assert stopped.usage is not None
    assert stopped.usage.completion_tokens == -(-len(await world.text(begun)) // 4)
    assert (free.state, free.billing, free.price) == (State.CANCELLED, Billing.RELEASED, 0)
    assert (await world.settled())["tokens.month"] == stopped.price > 0
    assert [chunk.kind for chunk in await world.log(begun)].count("done") == 1
    assert (await world.generation(theirs.id)).is_open


@pytest.mark.parametrize(("status", "minutes"), [("active", 0), ("suspended", -2)])
async def test_who_is_let_in_again_is_not_stopped_nor_by_an_old_word(
    world: World, database: Database, status: str, minutes: int
) -> None:
    gate = asyncio.Event()
    world.writer.scripts = [[gate, *in_pieces(STORY_TEXT)]]
    generation = await world.ask()
    await world.until_called()
    await hears(world, database, status, minutes=minutes)
    gate.set()
    assert (await world.ended(generation)).state is State.SUCCEEDED
