"""Who comes first where not all can run, and what many at once over a limit are told."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from common_service.database import Database
from services.story_service.tests.worlds import NOON, READER, CountedWork, World, a_generation, a_plan
from story_service.application.detached import DetachedRuns
from story_service.application.ports import StartWork
from story_service.application.run_generation import Prepared
from story_service.domain.drafts import opening
from story_service.domain.errors import QuotaExceeded
from story_service.domain.ids import GenerationId

pytestmark = pytest.mark.anyio


async def test_of_those_that_wait_the_dearer_plan_goes_first_and_then_who_came_first() -> None:
    began: list[int] = []
    gate, all_began = asyncio.Event(), asyncio.Event()

    async def run(generation_id: GenerationId, _: Prepared | None) -> GenerationId | None:
        began.append(generation_id.int)
        if len(began) == 6:
            all_began.set()
        await gate.wait()
        return GenerationId(UUID(int=9)) if generation_id.int == 1 else None

    runs = DetachedRuns(run, most=1)
    for number, priority in ((1, 0), (2, 0), (3, 1), (4, 0), (5, 1)):
        runs.start(GenerationId(UUID(int=number)), priority)
    await asyncio.sleep(0)
    assert (began, len(runs)) == ([1], 1)
    gate.set()
    async with asyncio.timeout(10):
        await all_began.wait()
    assert began == [1, 9, 3, 5, 2, 4]


async def test_the_sweeper_sees_the_dearer_plan_first(start_work: StartWork) -> None:
    async with start_work() as work:
        for priority in (0, 1, 0):
            generation = replace(a_generation(), priority=priority)
            await work.generations.add(generation, opening(generation, {}))
        found = await work.generations.unattended(NOON.replace(hour=13), grace=NOON.replace(hour=13), most=2)
    assert [generation.priority for generation in found] == [1, 0]


async def test_two_hundred_at_once_over_a_limit_of_five_are_five_and_the_others_hear_when(database_url: str) -> None:
    database = Database(database_url, pool_size=10, pool_wait_seconds=120)
    world = World(lambda: CountedWork(database), plan=a_plan(stories=5))
    answers = await asyncio.gather(*(world.ask(f"key-{n}") for n in range(200)), return_exceptions=True)
    accepted = [answer for answer in answers if not isinstance(answer, BaseException)]
    refused = [answer for answer in answers if isinstance(answer, QuotaExceeded)]
    assert (len(accepted), len(refused)) == (5, 195)
    assert {(one.meter, one.used, one.resets_at.isoformat()) for one in refused} == {
        ("stories.day", 5, "2026-11-22T00:00:00+00:00")
    }
    for generation in accepted:
        await world.ended(generation)
    assert (await world.settled())["stories.day"] == 5
    assert len(await world.use.stories.page(READER, before=None, most=200)) == 5
    await world.engine.runs.drain(0)
    await database.close()
