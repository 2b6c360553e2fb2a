"""Following: the same bytes for everybody, from any position, in any process."""

import asyncio

import pytest

from services.story_service.tests.worlds import OTHER, READER, STORY_TEXT, World, in_pieces, story_of
from story_service.api.streams import encoded
from story_service.application.follow_generation import FollowGeneration
from story_service.application.live import LiveGenerations
from story_service.application.ports import Work
from story_service.application.sweep_generations import PurgeLogs
from story_service.domain.errors import ChunksPurged, GenerationUnknown
from story_service.domain.generation import Generation, State

pytestmark = pytest.mark.anyio


async def read(follow: FollowGeneration, generation: Generation, after: int = 0, most: int = 10_000) -> bytes:
    seen = []
    async with asyncio.timeout(60):
        async for chunk in follow(generation, after):
            seen.append(encoded(chunk) if chunk else b"")
            if len(seen) == most:
                break
    return b"".join(seen)


async def test_two_readers_and_a_late_one_read_the_same(world: World) -> None:
    generation = await world.ask()
    first, second = await asyncio.gather(read(world.use.follow, generation), read(world.use.follow, generation))
    late = await read(world.use.follow, await world.generation(generation.id))
    assert first == second == late
    assert b"event: done" in first


async def test_a_reader_in_another_process_reads_the_same(world: World) -> None:
    gates = [asyncio.Event() for _ in range(3)]
    pieces = in_pieces(STORY_TEXT)
    world.writer.scripts = [[gates[0], *pieces[:90], gates[1], *pieces[90:180], gates[2], *pieces[180:]]]
    elsewhere = FollowGeneration(
        world.start_work, LiveGenerations(), world.engine.kinds, world.clock
    )  # hears nothing: it polls
    generation = await world.ask()
    here, there = (asyncio.create_task(read(follow, generation)) for follow in (world.use.follow, elsewhere))
    for gate in gates:
        await asyncio.sleep(0.3)
        gate.set()
    assert await here == await there


@pytest.mark.parametrize("position", [0, 1, 3, 5])
async def test_a_reader_who_reconnects_misses_nothing(world: World, position: int) -> None:
    generation = await world.ask()
    whole = await read(world.use.follow, generation)
    closed = await world.generation(generation.id)
    head = await read(world.use.follow, closed, most=position) if position else b""
    assert head + await read(world.use.follow, closed, after=position) == whole


async def test_behind_the_end_there_is_nothing(world: World) -> None:
    closed = await world.ended(await world.ask())
    assert await read(world.use.follow, closed, after=closed.last_seq) == b""
    assert await read(world.use.follow, closed, after=9999) == b""


async def test_a_reader_who_leaves_stops_nothing(world: World) -> None:
    gate = asyncio.Event()
    world.writer.scripts = [[*in_pieces(STORY_TEXT)[:60], gate, *in_pieces(STORY_TEXT)[60:]]]
    generation = await world.ask()
    await read(world.use.follow, generation, most=2)
    gate.set()
    assert (await world.ended(generation)).state is State.SUCCEEDED


async def test_silence_is_filled_with_pings(world: World) -> None:
    world.writer.scripts = [[asyncio.Event()]]
    generation = await world.ask()
    for hears in (True, False):
        world.engine.live.hears_others = hears
        follow = FollowGeneration(
            world.start_work, world.engine.live, world.engine.kinds, world.clock, ping_seconds=0.3
        )
        started = asyncio.get_running_loop().time()
        seen = []
        async for chunk in follow(generation, 1):
            seen.append(chunk)
            if len(seen) == 2:
                break
        assert seen == [None, None]
        assert 0.5 < asyncio.get_running_loop().time() - started < 2


async def test_other_people_cannot_follow(world: World) -> None:
    generation = await world.ask()
    with pytest.raises(GenerationUnknown):
        await world.use.follow.check(OTHER, generation.id)


async def test_a_day_after_the_end_the_log_is_gone(world: World) -> None:
    generation = await world.ended(await world.ask())
    world.clock.now = world.clock.now.replace(day=22)
    with pytest.raises(ChunksPurged) as refusal:
        await world.use.follow.check(READER, generation.id)
    assert refusal.value.action["href"] == f"/story/v1/stories/{story_of(generation)}"
    world.clock.now = world.clock.now.replace(hour=13)
    assert await PurgeLogs(world.start_work, world.clock)() == 1
    assert await world.log(generation) == []
    assert (await world.use.stories.latest(READER)).title == "The Last Ferry"


async def test_a_slow_reader_is_not_held_in_memory(world: World) -> None:
    text = "A title\n\nA sentence. " + "word " * 20_000
    world.writer.scripts = [in_pieces(text, 100)]
    generation = await world.ask()
    reading = world.use.follow(generation, 0)
    first = await anext(reading)
    assert first is not None
    await world.engine.runs.drain(10)
    rest = [chunk async for chunk in reading]
    assert "".join(chunk.text for chunk in rest if chunk) == text


async def test_a_log_that_cannot_be_read_is_told_with_its_trace_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    generation = await world.ended(await world.ask())
    outage = [OSError(), OSError()]

    def start_work() -> Work:
        if outage:
            raise outage.pop()
        return world.start_work()

    follow = FollowGeneration(start_work, LiveGenerations(), world.engine.kinds, world.clock)
    assert b"event: done" in await read(follow, generation)
    told = [bool(record.exc_info) for record in caplog.records if record.message == "log not read"]
    assert told == [True, False]
