"""The library: who reads what of it, in which order, and how often it was read."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import update

from common_auth.testing import TestIssuer
from common_service.database import Database
from common_service.ids import uuid7
from services.story_service.tests.memory_library import starter
from services.story_service.tests.plans import scans_a_table
from services.story_service.tests.worlds import NOON, OTHER, READER, CountedWork, World, a_plan, no_plan, story_of
from story_service.application.ports import StartWork
from story_service.application.read_library import ForgetViewers
from story_service.domain.errors import StoryUnknown
from story_service.domain.excerpts import beginning
from story_service.domain.ids import StoryId, UserId
from story_service.domain.library import HouseStory, Shelf, Sort
from story_service.domain.story import TruthMode
from story_service.infrastructure.tables import StoryRow

pytestmark = pytest.mark.anyio
LIBRARY = "/story/v1/library"
FERRY = starter()[0]


def a_house_story(title: str = "The Glass Orchard", **values: Any) -> HouseStory:
    story = HouseStory(
        StoryId(uuid7()), title, "A frost in June.", f"{title}. It froze.", TruthMode.INSPIRED, True, NOON
    )
    return replace(story, **values)


async def published(start_work: StartWork, story: HouseStory) -> HouseStory:
    async with start_work() as work:
        await work.library.submit(story)
        await work.library.publish(story.id, NOON)
        await work.commit()
    return story


def paying() -> Any:
    plan = a_plan()
    return replace(plan, flags=plan.flags | {"library.full"})


@pytest.fixture
async def http(app: FastAPI, issuer: TestIssuer) -> AsyncIterator[httpx2.AsyncClient]:
    headers = {"Authorization": f"Bearer {issuer.reader(READER)}"}
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://story", headers=headers
    ) as client:
        yield client


async def titles(http: httpx2.AsyncClient, **params: Any) -> list[str]:
    """Walk all pages of two."""
    found, cursor = [], None
    while True:
        answer = await http.get(LIBRARY, params={"limit": 2, **params, **({"cursor": cursor} if cursor else {})})
        assert answer.status_code == 200, answer.text
        found += [item["title"] for item in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found


async def test_a_new_platform_has_a_shelf_of_house_stories(http: httpx2.AsyncClient) -> None:
    page = (await http.get(LIBRARY)).json()
    assert len(page["items"]) >= 4
    for story in page["items"]:
        assert (story["origin"], story["label"]) == ("house", "AI-generated fiction")
        assert story["synopsis"]
        assert "body" not in story


def test_the_starter_stories_have_the_length_of_a_short_read() -> None:
    assert all(350 <= len(story.body.split()) <= 700 for story in starter())
    assert len({story.title for story in starter()}) == len(starter())


async def test_every_order_goes_through_all_pages_once(http: httpx2.AsyncClient, world: World) -> None:
    world.subscriptions.plan = paying()
    await published(world.start_work, a_house_story())
    for user, story in ((READER, starter()[2]), (OTHER, starter()[2]), (READER, starter()[4])):
        await world.use.library.one(user, story.id)
    newest = await titles(http)
    assert (newest[0], len(newest), len(set(newest))) == ("The Glass Orchard", len(starter()) + 1, len(starter()) + 1)
    assert (await titles(http, sort="popular"))[:2] == [starter()[2].title, starter()[4].title]
    assert sorted(await titles(http, sort="popular")) == sorted(newest)
    assert await titles(http, sort="title") == sorted(newest, key=str.lower)


async def test_words_and_truth_mode_narrow_the_shelf(http: httpx2.AsyncClient, world: World) -> None:
    await published(world.start_work, a_house_story())
    assert await titles(http, q="glass orchard") == ["The Glass Orchard"]
    assert await titles(http, q="FROST", sort="popular") == ["The Glass Orchard"]
    assert await titles(http, truth_mode="inspired") == ["The Glass Orchard"]
    assert await titles(http, q="nowhere-to-be-found") == []
    assert await titles(http, q='"; --', sort="title") in ([], await titles(http, sort="title"))


async def test_a_cursor_serves_its_own_list_only(http: httpx2.AsyncClient) -> None:
    cursor = (await http.get(LIBRARY, params={"limit": 1})).json()["next_cursor"]
    for other in ({"sort": "title"}, {"q": "the"}, {"truth_mode": "fiction"}):
        answer = await http.get(LIBRARY, params={"limit": 1, "cursor": cursor, **other})
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor_invalid")


async def test_what_does_not_fit_is_422(http: httpx2.AsyncClient) -> None:
    for params in ({"sort": "best"}, {"q": ""}, {"truth_mode": "proven"}, {"limit": 0}):
        assert (await http.get(LIBRARY, params=params)).status_code == 422, params


async def test_without_access_the_refusal_carries_the_preview(http: httpx2.AsyncClient, world: World) -> None:
    world.subscriptions.plan = no_plan()
    answer = await http.get(f"{LIBRARY}/{FERRY.id}")
    document = answer.json()
    assert (answer.status_code, document["code"]) == (402, "subscription_required")
    assert document["action"]["plans"] == ["pro", "max"]
    preview = document["preview"]
    assert (preview["title"], preview["label"]) == (FERRY.title, "AI-generated fiction")
    assert FERRY.body.startswith(preview["excerpt"].removesuffix("…").split("\n")[0][:100])
    assert len(preview["excerpt"]) <= 400
    assert FERRY.body[-60:] not in answer.text
    assert preview["views"] == 0, "a preview is no view"


async def test_with_access_the_story_is_whole(http: httpx2.AsyncClient, world: World) -> None:
    world.subscriptions.plan = paying()
    story = (await http.get(f"{LIBRARY}/{FERRY.id}")).json()
    assert (story["body"], story["label"], story["views"]) == (FERRY.body, "AI-generated fiction", 1)


async def test_what_is_not_on_the_shelf_is_not_found(http: httpx2.AsyncClient, world: World) -> None:
    world.subscriptions.plan = paying()
    waiting = a_house_story()
    async with world.start_work() as work:
        await work.library.submit(waiting)
        await work.commit()
    own = await world.ended(await world.ask())
    for story_id in (uuid4(), waiting.id, story_of(own)):
        answer = await http.get(f"{LIBRARY}/{story_id}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert len(await titles(http)) == len(starter())


async def test_a_view_counts_once_a_reader_and_day_however_many_come_at_once(world: World) -> None:
    world.subscriptions.plan = paying()
    await asyncio.gather(*(world.use.library.one(READER, FERRY.id) for _ in range(20)))
    readers = [UserId(uuid4()) for _ in range(5)]
    await asyncio.gather(*(world.use.library.one(reader, FERRY.id) for reader in readers * 2))
    assert (await world.use.library.one(READER, FERRY.id)).story.views == 6
    world.clock.now += timedelta(days=1)
    assert (await world.use.library.one(READER, FERRY.id)).story.views == 7


async def test_who_has_read_what_is_forgotten_and_the_sum_stays(world: World) -> None:
    world.subscriptions.plan = paying()
    await world.use.library.one(READER, FERRY.id)
    forget = ForgetViewers(world.start_work, world.clock)
    async with world.start_work() as work:
        assert await work.library.forget_viewers(NOON.date(), 10) == 0
    world.clock.now += timedelta(days=2)
    assert await forget() is False
    async with world.start_work() as work:
        assert await work.library.forget_viewers(world.clock.now.date(), 10) == 0
        found = await work.library.find(FERRY.id, READER, NOON.date())
    assert found is not None
    assert (found.is_seen, found.story.views) == (False, 1)


async def test_a_published_story_of_a_reader_is_everybodys_to_find_and_its_authors_to_read(database: Database) -> None:
    world = World(lambda: CountedWork(database))
    story_id = story_of(await world.ended(await world.ask()))
    async with CountedWork(database) as work:
        shown = {"publish_state": "published", "published_at": NOON}
        await work.session.execute(update(StoryRow).where(StoryRow.id == story_id).values(**shown))
        await work.commit()
    found = await world.use.library.page(Shelf(), after=None, most=1)
    assert (found[0].title, found[0].origin, found[0].body) == ("The Last Ferry", "generated", "")
    world.subscriptions.plan = no_plan()
    assert (await world.use.library.one(READER, story_id)).is_whole
    assert not (await world.use.library.one(OTHER, story_id)).is_whole
    async with CountedWork(database) as work:
        await work.session.execute(update(StoryRow).where(StoryRow.id == story_id).values(publish_state="withdrawn"))
        await work.commit()
    with pytest.raises(StoryUnknown):
        await world.use.library.one(READER, story_id)


@pytest.mark.parametrize("sort", Sort)
async def test_no_shelf_reads_a_whole_table_and_a_page_is_one_query(database: Database, sort: Sort) -> None:
    async with CountedWork(database) as work:
        after = starter()[1].position(sort)
        asked = await scans_a_table(work, lambda: work.library.page(Shelf(sort=sort), after=after, most=21))
        assert asked == 1
        narrow = Shelf("tide table", TruthMode.FICTION, sort)
        assert await scans_a_table(work, lambda: work.library.page(narrow, after=None, most=21)) == 1


async def test_a_story_is_one_query_and_its_first_view_one_more(database: Database) -> None:
    async with CountedWork(database) as work:
        assert await scans_a_table(work, lambda: work.library.find(FERRY.id, READER, NOON.date())) == 1
        assert await scans_a_table(work, lambda: work.library.view(FERRY.id, READER, NOON)) == 1
        assert await scans_a_table(work, lambda: work.library.forget_viewers(NOON.date(), 10)) == 1
        assert await scans_a_table(work, lambda: work.library.waiting(10)) == 1


@pytest.mark.parametrize("sort", Sort)
async def test_the_order_of_a_shelf_comes_from_its_index(database: Database, sort: Sort) -> None:
    async with CountedWork(database) as work:
        shelf, after = Shelf(sort=sort), starter()[1].position(sort)
        assert await scans_a_table(work, lambda: work.library.page(shelf, after=after, most=21), sorts=False) == 1


def test_a_beginning_is_cut_between_words() -> None:
    assert beginning("one two three", 40) == "one two three"
    assert beginning("one two\n\nthree four", 12) == "one two…"
    assert beginning("one", 0) == "…"


def test_the_excerpt_of_a_short_story_is_not_the_story() -> None:
    assert replace(FERRY, body="He did it. She knew, and she kept quiet.").excerpt == "He did it…"
    assert len(FERRY.excerpt) > 300
