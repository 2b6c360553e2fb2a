"""Changes of a story: each is kept, each can be taken back, and the label goes with all of them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from common_auth.testing import TestIssuer
from common_service.database import Database
from common_service.ids import uuid7
from services.story_service.tests.plans import scans_a_table
from services.story_service.tests.worlds import (
    NOON,
    OTHER,
    READER,
    STORY_TEXT,
    CountedWork,
    World,
    a_generation,
    in_pieces,
    stored,
    story_of,
)
from story_service.application.ports import StartWork
from story_service.domain.ids import StoryId
from story_service.domain.revisions.revision import MOST_KEPT, Revision

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    world = World(lambda: CountedWork(database))
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
async def path(world: World) -> str:
    """Have a story written, and return where it is."""
    generation = await world.ended(await world.ask())
    return f"/story/v1/stories/{story_of(generation)}"


def seen(answer: httpx2.Response) -> dict[str, str]:
    return {"If-Match": answer.headers["etag"]}


def refused(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_an_edit_is_undone_and_redone(http: httpx2.AsyncClient, path: str) -> None:
    original = await http.get(path)
    assert original.json()["moderation"] == "approved"
    edited = await http.patch(path, json={"title": "The First Ferry", "body": "He left."}, headers=seen(original))
    assert (edited.status_code, edited.json()["title"], edited.json()["body"]) == (200, "The First Ferry", "He left.")
    assert edited.json()["moderation"] == "pending"
    assert edited.json()["label"] == original.json()["label"] == "AI-generated fiction"
    found = (await http.get(f"{path}/revisions")).json()["items"]
    assert [(one["title"], one["is_current"]) for one in found] == [
        ("The First Ferry", True),
        ("The Last Ferry", False),
    ]
    assert found[1]["generation_id"] == original.json()["generation_id"]
    assert (found[0]["generation_id"], found[0]["characters"], found[0]["excerpt"]) == (None, 8, "He left.")
    undone = await http.post(f"{path}/revisions/{found[1]['version']}/restore", headers=seen(edited))
    assert undone.json()["body"] == original.json()["body"]
    redone = await http.post(f"{path}/revisions/{found[0]['version']}/restore", headers=seen(undone))
    assert (redone.json()["title"], redone.json()["body"]) == ("The First Ferry", "He left.")
    assert [one["version"] for one in (await http.get(f"{path}/revisions")).json()["items"]] == [5, 4, 3, 2]
    assert (await http.get(path)).headers["etag"] == redone.headers["etag"] == '"5-latest"'


async def test_a_story_that_was_never_changed_has_its_text_as_the_one_revision(
    http: httpx2.AsyncClient, path: str
) -> None:
    story = await http.get(path)
    [only] = (await http.get(f"{path}/revisions")).json()["items"]
    assert (only["version"], only["title"], only["is_current"]) == (2, "The Last Ferry", True)
    same = await http.patch(path, json={"title": "The Last Ferry", "body": None}, headers=seen(story))
    assert (same.status_code, same.headers["etag"]) == (200, '"2-latest"')


async def test_a_change_names_what_it_changes(http: httpx2.AsyncClient, path: str) -> None:
    assert refused(await http.patch(path, json={"title": "X"})) == (428, "precondition_required")
    assert refused(await http.patch(path, json={"title": "X"}, headers={"If-Match": '"1"'})) == (
        412,
        "version_conflict",
    )
    assert refused(await http.post(f"{path}/revisions/2/restore")) == (428, "precondition_required")
    now = {"If-Match": '"2"'}
    assert refused(await http.post(f"{path}/revisions/9/restore", headers=now)) == (404, "not_found")
    changes = [http.patch(path, json={"body": f"Draft {n}"}, headers=now) for n in range(4)]
    assert sorted(answer.status_code for answer in await asyncio.gather(*changes)) == [200, 412, 412, 412]


@pytest.mark.parametrize(
    "body",
    [
        {"truth_mode": "inspired"},
        {"label": "true"},
        {"title": ""},
        {"title": " "},
        {"title": "a\nb"},
        {"title": "x" * 201},
        {"body": "\x00"},
        {"body": " \n"},
        {"body": "x" * 60_001},
        {"body": 5},
    ],
)
async def test_what_does_not_fit_is_422(http: httpx2.AsyncClient, body: dict[str, Any]) -> None:
    answer = await http.patch(f"/story/v1/stories/{uuid4()}", json=body, headers={"If-Match": '"2"'})
    assert refused(answer) == (422, "validation_failed")


async def test_only_a_finished_draft_of_ones_own_is_changed(
    http: httpx2.AsyncClient, world: World, path: str, issuer: TestIssuer
) -> None:
    now, other = {"If-Match": '"2"'}, {"Authorization": f"Bearer {issuer.reader(OTHER)}", "If-Match": '"2"'}
    assert refused(await http.patch(path, json={"title": "X"}, headers=other)) == (404, "not_found")
    assert refused(await http.get(f"{path}/revisions", headers=other)) == (404, "not_found")
    assert refused(await http.post(f"{path}/revisions/2/restore", headers=other)) == (404, "not_found")
    world.writer.scripts = [[asyncio.Event(), *in_pieces(STORY_TEXT)]]
    unwritten = await world.ask("second")
    early = await http.patch(
        f"/story/v1/stories/{story_of(unwritten)}", json={"title": "X"}, headers={"If-Match": '"1"'}
    )
    assert refused(early) == (409, "not_ready")
    assert (await http.patch(path, json={"title": "X"}, headers=now)).status_code == 200


async def test_the_newest_revisions_are_kept(start_work: StartWork) -> None:
    generation = a_generation()
    await stored(start_work, generation)
    async with start_work() as work:
        for version in range(1, MOST_KEPT + 4):
            text_of = (f"T{version}", f"Body {version}")
            await work.revisions.add(Revision(story_of(generation), version, *text_of, None, READER, NOON))
        await work.revisions.forget(story_of(generation), MOST_KEPT)
        found = await work.revisions.of(story_of(generation))
        assert [one.version for one in found] == list(range(MOST_KEPT + 3, 3, -1))
        kept = await work.revisions.find(story_of(generation), 5)
        assert kept == Revision(story_of(generation), 5, "T5", "Body 5", None, READER, NOON)
        assert await work.revisions.find(story_of(generation), 3) is None
        assert not await work.revisions.has(StoryId(uuid7()))


async def test_revisions_go_with_their_story_and_no_query_reads_a_table(
    http: httpx2.AsyncClient, database: Database, path: str
) -> None:
    await http.patch(path, json={"body": "He left."}, headers={"If-Match": '"2"'})
    story_id = StoryId(uuid7())
    async with CountedWork(database) as work:
        assert await scans_a_table(work, lambda: work.revisions.of(story_id)) == 1
        assert await scans_a_table(work, lambda: work.revisions.forget(story_id, 3)) == 1
        assert await scans_a_table(work, lambda: work.stories.pinned_of(READER)) == 1
        await work.session.execute(text("DELETE FROM story.stories WHERE origin = 'generated'"))
        assert await work.session.scalar(text("SELECT count(*) FROM story.story_revisions")) == 0
