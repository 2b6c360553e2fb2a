"""What is still held for a generation that has ended goes back to its reader, and into the ledger."""

import asyncio
from datetime import timedelta

import pytest

from common_service.database import Database
from services.story_service.tests.plans import scans_a_table
from services.story_service.tests.worlds import READER, CountedWork, World
from story_service.application.release_reservations import ReleaseReservations
from story_service.domain.generation import Generation, failed
from story_service.domain.pricing import Bill

pytestmark = pytest.mark.anyio
LONG_AFTER = timedelta(days=2)


async def half_closed(world: World) -> Generation:
    """End a generation and leave its reservation open, as no code of ours does."""
    world.writer.scripts = [[asyncio.Event()]]
    generation = await world.ask()
    await world.until_called()
    await world.kill(generation)
    generation = await world.generation(generation.id)
    async with world.start_work() as work:
        assert await work.generations.close(generation, failed("writer_lost"), Bill(), world.clock())
        await work.commit()
    return generation


def release(world: World) -> ReleaseReservations:
    return ReleaseReservations(world.start_work, world.clock)


async def test_what_outlived_its_generation_is_given_back_once(world: World) -> None:
    await half_closed(world)
    assert await release(world)() == 0, "its time is not over"
    world.clock.now += LONG_AFTER
    assert sum(await asyncio.gather(*(release(world)() for _ in range(3)))) == 1
    assert await release(world)() == 0
    assert set((await world.settled()).values()) == {0}
    assert (await world.use.ledger.verify(READER)).is_sound


async def test_what_an_open_generation_holds_stays_held(world: World) -> None:
    world.writer.scripts = [[asyncio.Event()]]
    generation = await world.ask()
    await world.until_called()
    world.clock.now += LONG_AFTER
    assert await release(world)() == 0
    await world.kill(generation)


async def test_they_are_found_by_the_index_of_open_ones(database: Database) -> None:
    world = World(lambda: CountedWork(database))
    await half_closed(world)
    async with CountedWork(database) as work:
        later = world.clock() + LONG_AFTER
        assert await scans_a_table(work, lambda: work.usage.overdue(later, 2)) == 1
