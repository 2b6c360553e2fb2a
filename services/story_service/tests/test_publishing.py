"""Stories that others read: judged whole, pinned, copied with their label, and taken back."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from common_auth.testing import TestIssuer
from common_service.database import Database
from services.story_service.tests.memory import MemoryDatabase
from services.story_service.tests.memory_library import starter
from services.story_service.tests.worlds import (
    OTHER,
    READER,
    STORY_TEXT,
    UNSAFE,
    CountedWork,
    World,
    no_plan,
    story_of,
    with_shelf,
)
from story_service.application.attempts import AttemptKey
from story_service.domain.errors import PublishBlocked, PublishLimitReached, RetentionLimitReached, VersionConflict
from story_service.domain.events import ModerationDecided, StoriesPurged, StoryCloned, StoryPublished, StoryUnpublished
from story_service.domain.ids import StoryId
from story_service.domain.moderation import Verdict
from story_service.domain.publishing.publishing import Visibility, pieces, together
from story_service.domain.story import Moderation

pytestmark = pytest.mark.anyio
STORIES, LIBRARY = "/story/v1/stories", "/story/v1/library"


@pytest.fixture
def fast() -> tuple[World, MemoryDatabase]:
    """Return the service over memory, and its store."""
    store = MemoryDatabase()
    return World(store.work, plan=with_shelf(5)), store


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    world = World(lambda: CountedWork(database), plan=with_shelf(5))
    yield world
    await world.engine.runs.drain(0)


@pytest.fixture
async def http(app: FastAPI, issuer: TestIssuer) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app),
        base_url="http://story",
        headers={"Authorization": f"Bearer {issuer.reader(READER)}"},
    ) as client:
        yield client


@pytest.fixture
def other(issuer: TestIssuer) -> dict[str, str]:
    return {"Authorization": f"Bearer {issuer.reader(OTHER)}"}


async def written(world: World, key: str = "key-1") -> StoryId:
    return story_of(await world.ended(await world.ask(key)))


def refused(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def shelf(http: httpx2.AsyncClient, **params: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await http.get(LIBRARY, params={"limit": 100, **params})).json()["items"]
    return [item for item in items if item["origin"] != "house"]


async def test_a_published_story_is_on_the_shelf_until_it_is_taken_back(
    http: httpx2.AsyncClient, world: World, other: dict[str, str]
) -> None:
    story_id = await written(world)
    path = f"{STORIES}/{story_id}"
    world.moderator.asked.clear()
    shown = await http.post(f"{path}/publish", json={})
    assert (shown.status_code, shown.json()["publish_state"], shown.headers["etag"]) == (202, "published", '"3-latest"')
    assert all(part in "".join(world.moderator.asked) for part in STORY_TEXT.strip().split("\n\n"))
    for sort in ("newest", "popular", "title"):
        [item] = await shelf(http, sort=sort, q="last ferry")
        assert (item["id"], item["label"]) == (str(story_id), "AI-generated fiction")
        assert item["synopsis"].startswith("Nobody saw the keeper leave.")
    whole = await http.get(f"{LIBRARY}/{story_id}", headers=other)
    assert (whole.status_code, whole.json()["views"]) == (200, 1)
    assert "keeper" in whole.json()["body"]
    assert refused(await http.patch(path, json={"title": "X"}, headers={"If-Match": '"3"'})) == (409, "published")
    again = await http.post(f"{path}/publish", json={"visibility": "public"})
    assert (again.status_code, again.headers["etag"]) == (202, '"3-latest"')
    back = await http.post(f"{path}/unpublish")
    assert (back.status_code, back.json()["publish_state"]) == (200, "withdrawn")
    assert (await http.post(f"{path}/unpublish")).json() == back.json()
    assert await shelf(http) == []
    assert refused(await http.get(f"{LIBRARY}/{story_id}", headers=other)) == (404, "not_found")


async def test_an_unlisted_story_is_found_by_its_id_alone(
    http: httpx2.AsyncClient, world: World, other: dict[str, str]
) -> None:
    story_id = await written(world)
    hidden = await http.post(f"{STORIES}/{story_id}/publish", json={"visibility": "unlisted"})
    assert hidden.json()["publish_state"] == "unlisted"
    assert await shelf(http) == []
    assert (await http.get(f"{LIBRARY}/{story_id}", headers=other)).status_code == 200
    copy = await http.post(f"{STORIES}/{story_id}/clone", headers={**other, "Idempotency-Key": "k"})
    assert refused(copy) == (404, "not_found")
    assert (await http.post(f"{STORIES}/{story_id}/publish", json={"visibility": "public"})).status_code == 202
    assert len(await shelf(http)) == 1


async def test_what_cannot_be_published_says_why(
    http: httpx2.AsyncClient, world: World, other: dict[str, str], database: Database
) -> None:
    story_id = await written(world)
    path = f"{STORIES}/{story_id}"
    assert refused(await http.post(f"{path}/unpublish")) == (409, "not_published")
    for wrong in ("publish", "unpublish"):
        assert refused(await http.post(f"{path}/{wrong}", json={}, headers=other)) == (404, "not_found")
    assert refused(await http.post(f"{path}/publish", json={"visibility": "house"})) == (422, "validation_failed")
    world.subscriptions.plan = no_plan()
    answer = await http.post(f"{path}/publish", json={})
    assert refused(answer) == (402, "subscription_required")
    assert answer.json()["action"]["type"] == "checkout"
    world.subscriptions.plan = with_shelf(5)
    world.moderator.is_down = True
    assert refused(await http.post(f"{path}/publish", json={})) == (503, "moderation_unavailable")
    world.moderator.is_down = False
    edit = {"body": f"{'Rain. ' * 2000}{UNSAFE}"}
    assert (await http.patch(path, json=edit, headers={"If-Match": '"2"'})).status_code == 200
    blocked = await http.post(f"{path}/publish", json={})
    assert refused(blocked) == (422, "publish_blocked")
    assert blocked.json()["reasons"] == ["violence"]
    async with CountedWork(database) as work:
        kept = text("SELECT verdict, stage FROM story.moderation_decisions WHERE stage = 'publish'")
        assert [tuple(row) for row in await work.session.execute(kept)] == [("block", "publish")]
    assert (await http.get(path)).json()["publish_state"] == "draft"


async def test_a_copy_names_its_source_and_keeps_its_label(
    http: httpx2.AsyncClient, world: World, other: dict[str, str]
) -> None:
    story_id = await written(world)
    copying = {**other, "Idempotency-Key": "copy-1"}
    assert refused(await http.post(f"{STORIES}/{story_id}/clone", headers=copying)) == (404, "not_found")
    await http.post(f"{STORIES}/{story_id}/publish", json={})
    answers = [await http.post(f"{STORIES}/{story_id}/clone", headers=copying) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert answers[1].headers["idempotent-replayed"] == "true"
    copy = answers[0].json()
    assert copy["source"] == {"story_id": str(story_id), "title": "The Last Ferry"}
    assert (copy["origin"], copy["generation_id"], copy["is_latest"]) == ("cloned", None, False)
    path = f"{STORIES}/{copy['id']}"
    edited = await http.patch(path, json={"body": "Mine now."}, headers={**other, "If-Match": '"1"'})
    assert (edited.json()["label"], edited.json()["source"]) == (copy["label"], copy["source"])
    await http.delete(f"{STORIES}/{story_id}")
    await http.post(f"{path}/publish", json={}, headers=other)
    [item] = await shelf(http)
    assert (item["origin"], item["label"], item["source"]) == ("cloned", "AI-generated fiction", copy["source"])


async def test_the_plan_says_how_many_copies_are_kept(http: httpx2.AsyncClient, world: World) -> None:
    house = starter()[0]
    world.subscriptions.plan = no_plan()
    path = f"{STORIES}/{house.id}/clone"
    assert refused(await http.post(path, headers={"Idempotency-Key": "a"})) == (402, "subscription_required")
    world.subscriptions.plan = with_shelf(3)
    copies = [http.post(path, headers={"Idempotency-Key": f"k{n}"}) for n in range(8)]
    answers = await asyncio.gather(*copies)
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5
    over = next(answer for answer in answers if answer.status_code == 409)
    assert refused(over) == (409, "retention_limit")
    assert {"meter": "stories.published", "limit": 3, "used": 3}.items() <= over.json().items()
    published = await http.post(f"{STORIES}/{await written(world)}/publish", json={})
    assert refused(published) == (402, "plan_upgrade_required")
    copy = next(answer for answer in answers if answer.status_code == 201).json()["id"]
    assert (await http.post(f"{STORIES}/{copy}/publish", json={})).status_code == 202


async def test_pinned_stories_outlive_newer_ones(database: Database) -> None:
    world = World(lambda: CountedWork(database), plan=with_shelf(5, kept=1))
    pinned = await written(world, "one")
    await world.use.publish(READER, pinned, Visibility.PUBLIC)
    copy = (await world.use.clone(READER, starter()[0].id, AttemptKey("k", b"d"))).story.id
    for n in range(2):
        world.clock.now += timedelta(minutes=1)
        last = await written(world, f"more-{n}")
    assert {story.id for story in await world.use.stories.page(READER, before=None, most=9)} == {pinned, copy, last}
    await world.use.publish.withdraw(READER, pinned)
    world.clock.now += timedelta(minutes=1)
    last = await written(world, "last")
    assert {story.id for story in await world.use.stories.page(READER, before=None, most=9)} == {copy, last}


async def test_stories_that_make_room_are_told_of(fast: tuple[World, MemoryDatabase]) -> None:
    world, store = fast
    world.subscriptions.plan = with_shelf(kept=1)
    for n in range(3):
        world.clock.now += timedelta(minutes=1)
        await written(world, f"k{n}")
    assert [fact.count for fact in store.tables.facts if isinstance(fact, StoriesPurged)] == [1, 1]


async def test_of_many_published_at_once_the_plan_lets_in_what_it_includes(fast: tuple[World, MemoryDatabase]) -> None:
    world, store = fast
    world.subscriptions.plan = with_shelf(2)
    stories = [await written(world, f"k{n}") for n in range(5)]
    ends = await asyncio.gather(
        *(world.use.publish(READER, one, Visibility.PUBLIC) for one in stories), return_exceptions=True
    )
    assert sum(isinstance(end, PublishLimitReached) for end in ends) == 3
    assert sum(isinstance(fact, StoryPublished) for fact in store.tables.facts) == 2


async def test_a_text_that_changes_while_it_is_judged_is_not_shown(fast: tuple[World, MemoryDatabase]) -> None:
    world, _ = fast
    story_id = await written(world)

    async def change() -> None:
        world.moderator.meanwhile = None
        await world.use.revise.edit(READER, story_id, title=None, body="Other words.", version=2)

    world.moderator.meanwhile = change
    with pytest.raises(VersionConflict):
        await world.use.publish(READER, story_id, Visibility.PUBLIC)
    assert not (await world.use.stories.one(READER, story_id)).is_shown


async def test_who_publishes_withdraws_copies_or_deletes_tells_of_it(fast: tuple[World, MemoryDatabase]) -> None:
    world, store = fast
    story_id = await written(world)
    await world.use.publish(READER, story_id, Visibility.PUBLIC)
    copy = (await world.use.clone(OTHER, story_id, AttemptKey("k", b"d"))).story
    await world.use.publish.withdraw(READER, story_id)
    await world.use.publish(READER, story_id, Visibility.UNLISTED)
    await world.use.delete(READER, story_id)
    told = [f for f in store.tables.facts if isinstance(f, StoryPublished | StoryUnpublished | StoryCloned)]
    assert [type(fact).__name__ for fact in told] == [
        "StoryPublished",
        "StoryCloned",
        "StoryUnpublished",
        "StoryPublished",
        "StoryUnpublished",
    ]
    assert [fact.story.version for fact in told] == [3, 1, 4, 5, 6]
    assert [fact.reason for fact in told if isinstance(fact, StoryUnpublished)] == ["withdrawn", "deleted"]
    assert told[1] == StoryCloned(copy, READER)


async def test_a_blocked_text_leaves_a_fact_and_stays_a_draft(fast: tuple[World, MemoryDatabase]) -> None:
    world, store = fast
    story_id = await written(world)
    await world.use.revise.edit(READER, story_id, title=UNSAFE, body=None, version=2)
    with pytest.raises(PublishBlocked):
        await world.use.publish(READER, story_id, Visibility.PUBLIC)
    [decided] = [fact.decision for fact in store.tables.facts if isinstance(fact, ModerationDecided)]
    assert (decided.stage, decided.verdict, decided.subject) == ("publish", "block", READER)


@pytest.mark.parametrize("standing", [Moderation.FLAGGED, Moderation.BLOCKED])
async def test_what_a_person_judges_is_not_washed_clean_by_an_edit(
    fast: tuple[World, MemoryDatabase], standing: Moderation
) -> None:
    world, store = fast
    story_id = await written(world)
    store.tables.stories[story_id] = replace(store.tables.stories[story_id], moderation=standing)
    edited = await world.use.revise.edit(READER, story_id, title="Harmless", body="Harmless.", version=2)
    assert edited.moderation is standing
    with pytest.raises(PublishBlocked):
        await world.use.publish(READER, story_id, Visibility.PUBLIC)


async def test_copies_are_counted_one_by_one(fast: tuple[World, MemoryDatabase]) -> None:
    world, _ = fast
    world.subscriptions.plan = with_shelf(1)
    await world.use.clone(READER, starter()[0].id, AttemptKey("one", b"d"))
    with pytest.raises(RetentionLimitReached):
        await world.use.clone(READER, starter()[1].id, AttemptKey("two", b"d"))


def test_a_text_is_judged_whole_and_nothing_hides_across_a_cut() -> None:
    body = "".join(f"{n:06d}" for n in range(5000))
    found = pieces("Title", body)
    assert len(found) == 4
    for at in range(0, len(body) - 100, 97):
        assert any(body[at : at + 100] in piece for piece in found)
    whole = together([Verdict((), {"hate": 10}), Verdict(("violence",), {"hate": 5, "violence": 900})])
    assert whole == Verdict(("violence",), {"hate": 10, "violence": 900})
