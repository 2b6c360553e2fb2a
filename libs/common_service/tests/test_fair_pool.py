"""Whoever has waited longest is served first, and whoever leaves the line loses nothing."""

import asyncio
import logging

import pytest
from sqlalchemy import text

from common_service.database import Database
from common_service.fair_pool import FairQueue

pytestmark = pytest.mark.anyio


async def test_who_asks_next_does_not_overtake_who_waits() -> None:
    queue: FairQueue[str] = FairQueue(1)
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put_nowait("one")
    with pytest.raises(asyncio.QueueEmpty):
        queue.get_nowait()
    assert await waiting == "one"


async def test_of_many_that_wait_the_first_is_served_first() -> None:
    queue: FairQueue[int] = FairQueue(3)
    waiting = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    for item in range(3):
        queue.put_nowait(item)
    assert (await waiting[0], await waiting[2], queue.get_nowait()) == (0, 1, 2)


async def test_who_leaves_in_the_moment_of_being_served_passes_it_on() -> None:
    queue: FairQueue[str] = FairQueue(1)
    leaving, staying = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put_nowait("one")
    leaving.cancel()
    assert await staying == "one"
    assert leaving.cancelled()


async def test_a_crowd_that_comes_and_goes_loses_no_connection(database_url: str) -> None:
    database = Database(database_url, pool_size=2, pool_wait_seconds=20)

    async def ask() -> None:
        async with database.session() as session:
            await session.execute(text("SELECT 1"))

    for _ in range(5):
        crowd = [asyncio.create_task(ask()) for _ in range(20)]
        await asyncio.sleep(0.005)
        for one in crowd[::2]:
            one.cancel()
        assert all(isinstance(end, None | asyncio.CancelledError) for end in await _ends(crowd))
    async with asyncio.timeout(10):
        await asyncio.gather(*(ask() for _ in range(10)))
    await database.close()


async def _ends(crowd: "list[asyncio.Task[None]]") -> "list[BaseException | None]":
    return await asyncio.gather(*crowd, return_exceptions=True)


async def test_connections_come_and_go_without_a_word(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        database = Database(database_url)
        for _ in range(2):
            await database.ping()
        await database.close()
    assert not [record for record in caplog.records if "pool" in record.name]
