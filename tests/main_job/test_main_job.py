"""The product's main job through the load balancer, by one reader and by twenty at once."""

import asyncio

import pytest

from sandbox.demo.journey import Journey
from sandbox.demo.platform import Platform
from sandbox.demo.readers import new_reader, quiet_reader
from sandbox.demo.steps import attempt

pytestmark = pytest.mark.timeout(900)


def test_a_reader_signs_up_pays_and_reads_a_story_as_it_is_written(world: Platform) -> None:
    async def main_job() -> Journey:
        async with new_reader(world) as visitor:
            journey = Journey(world, visitor, lambda _: None)
            steps = (journey.sign_up, journey.provision, journey.be_refused, journey.subscribe, journey.read)
            for step in (*steps, journey.look_again, journey.repeat, journey.use_up, journey.be_seen):
                await attempt(step)
            return journey

    journey = asyncio.run(main_job())
    assert journey.story.windows > 1
    assert len(journey.story.text.split()) > 100


def test_twenty_readers_at_once_get_twenty_stories_charged_once_each(world: Platform) -> None:
    async def all_at_once() -> list[Journey]:
        return list(await asyncio.gather(*(quiet_reader(world) for _ in range(20))))

    journeys = asyncio.run(all_at_once())
    assert len({journey.story.done["story_id"] for journey in journeys}) == 20
    assert len({journey.user_id for journey in journeys}) == 20
    assert all(journey.story.done["billing"] == "settled" for journey in journeys)
