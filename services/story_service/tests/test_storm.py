"""A process is killed while it writes; another takes over, and readers go on reading from where they were.

STORY_STORM=25 kills as many processes with eight stories each, at random points; without it there is one.
"""

import asyncio
import multiprocessing
import os
import random
from datetime import timedelta

import pytest

from common_service.database import Database
from common_service.ids import uuid7
from services.story_service.tests import storm_writer
from services.story_service.tests.worlds import STORY_TEXT, CountedWork, World
from story_service.domain.chunks import DONE, Chunk
from story_service.domain.generation import Billing, State
from story_service.domain.ids import GenerationId, UserId

ROUNDS = int(os.environ.get("STORY_STORM", "1"))
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120 + 60 * ROUNDS)]
_AT_ONCE = 8
_LAPSED, _FINISHING_LAPSED = timedelta(seconds=31), timedelta(seconds=61)


async def read(world: World, reader: UserId, generation_id: GenerationId, draw: random.Random) -> list[Chunk]:
    """Read to the end, and come back with the last id after every few events."""
    seen: list[Chunk] = []
    while not seen or seen[-1].kind != DONE:
        generation = await world.use.follow.check(reader, generation_id)
        async for chunk in world.use.follow(generation, seen[-1].seq if seen else 0):
            if chunk is not None:
                seen.append(chunk)
            if draw.random() < 0.3:
                break
    return seen


async def killed_while_writing(
    url: str, world: World, readers: list[UserId], draw: random.Random
) -> tuple[list[GenerationId], list[asyncio.Task[list[Chunk]]]]:
    """Start a process that writes, let readers follow it here, and kill it at a random point."""
    context = multiprocessing.get_context("forkserver")
    here, there = context.Pipe()
    process = context.Process(target=storm_writer.write, args=(url, readers, draw.randrange(999), there), daemon=True)
    process.start()
    ids: list[GenerationId] = await asyncio.to_thread(here.recv)
    reading = [asyncio.create_task(read(world, *whose, draw)) for whose in zip(readers, ids, strict=True)]
    await asyncio.sleep(draw.uniform(0, 1.2))
    process.kill()
    await asyncio.to_thread(process.join)
    return ids, reading


async def test_a_killed_writer_costs_nobody_a_word_or_a_token(database: Database, database_url: str) -> None:
    draw, ends = random.Random(9), set()
    for _ in range(ROUNDS):
        world = World(lambda: CountedWork(database))
        world.engine.live.hears_others = False
        readers = [UserId(uuid7()) for _ in range(_AT_ONCE)]
        ids, reading = await killed_while_writing(database_url, world, readers, draw)
        for later in (_LAPSED, _FINISHING_LAPSED):
            world.clock.now += later
            await world.sweep()
            await world.engine.runs.drain(60)
        async with asyncio.timeout(60):
            seen = await asyncio.gather(*reading)
        for reader, generation_id, chunks in zip(readers, ids, seen, strict=True):
            ended = await world.generation(generation_id)
            ends.add((ended.state, ended.attempt))
            assert [chunk.seq for chunk in chunks] == list(range(1, len(chunks) + 1))
            text = "".join(chunk.text for chunk in chunks)
            assert (await world.log(ended)) == chunks
            whole = ended.state is State.SUCCEEDED
            assert text == STORY_TEXT if whole else STORY_TEXT.startswith(text)
            assert ended.billing is (Billing.SETTLED if whole else Billing.RELEASED)
            assert whole or (ended.state, ended.error_code, bool(text)) == (State.FAILED, "writer_lost", True)
            charged = {"stories.day": 1, "tokens.month": 460} if whole else {"stories.day": 0, "tokens.month": 0}
            assert await world.settled(reader) == charged
    assert ends
