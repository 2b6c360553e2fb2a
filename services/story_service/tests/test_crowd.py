"""A crowd over few connections: nobody holds one while a model writes, and whoever vanishes takes none along."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import Pool

from common_service.database import Database
from services.story_service.tests.worlds import CountedWork, Script, World, a_plan
from story_service.application.release import Mode
from story_service.domain.generation import Generation, State
from story_service.domain.ids import UserId

pytestmark = pytest.mark.anyio
_CROWD, _CONNECTIONS = 60, 3  # twenty for each connection, as 200 over a pool of 10


def in_use(database: Database) -> int:
    pool: Pool = database.engine.sync_engine.pool
    return int(pool.checkedout())  # type: ignore[attr-defined]  # of every pool that keeps connections


async def test_a_crowd_writes_over_few_connections_and_half_of_it_vanishes(database_url: str) -> None:
    database = Database(database_url, pool_size=_CONNECTIONS, pool_wait_seconds=60)
    world = World(lambda: CountedWork(database), plan=a_plan(), mode=Mode.OFF)
    gate = asyncio.Event()
    script: Script = ["The keeper ", gate, "vanished."]
    world.writer.scripts = [script]
    readers = [UserId(UUID(int=n)) for n in range(_CROWD)]
    seen: dict[UserId, list[str]] = {reader: [] for reader in readers}
    begun = asyncio.Semaphore(0)

    async def follow(generation: Generation) -> None:
        async for chunk in world.use.follow(generation, 0):
            if chunk and chunk.kind == "delta":
                seen[generation.user_id].append(chunk.text)
                begun.release()

    async with asyncio.timeout(120):
        accepted = await asyncio.gather(*(world.ask(user_id=reader) for reader in readers))
        following = [asyncio.create_task(follow(generation)) for generation in accepted]
        for _ in readers:
            await begun.acquire()
        for _ in range(500):  # looks into the log that came before the first word
            await asyncio.sleep(0.01 if in_use(database) else 0)
        assert in_use(database) == 0
        assert len(world.engine.runs) == _CROWD, "every one is being written, and no connection is held"
        for leaving in following[::2]:
            leaving.cancel()
        gate.set()
        for number, staying in enumerate(following):
            if number % 2:
                await staying
        await world.engine.runs.drain(60)
        ended = [await world.generation(generation.id) for generation in accepted]
    assert {generation.state for generation in ended} == {State.SUCCEEDED}, "who leaves stops nothing"
    assert {"".join(seen[reader]) for reader in readers[1::2]} == {"The keeper vanished."}, "nobody starved"
    assert in_use(database) == 0
    await database.close()
