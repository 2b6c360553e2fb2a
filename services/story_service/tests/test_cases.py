"""Case files over HTTP and Postgres: whose they are, what is kept, what is shown to whom."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy import insert, text

from common_auth.testing import TestIssuer
from common_service.database import Database
from common_service.ids import uuid7
from services.story_service.tests.a_case import a_fact, a_file, a_person, a_source
from services.story_service.tests.case_worlds import CASES, WISH, CaseWorld, posted, refused, with_room
from services.story_service.tests.plans import scans_a_table
from services.story_service.tests.worlds import NOON, OTHER, READER, UNSAFE, no_plan
from story_service.application.cases.ports import CasePage, Whose
from story_service.domain.cases.case_file import LegalStatus
from story_service.domain.cases.changes import Change
from story_service.infrastructure.tables import StoryRow

pytestmark = pytest.mark.anyio
SOURCE = {"kind": "court", "title": "Judgment of the assizes", "published_on": "1913-02-01", "excerpt": "Guilty."}
PERSON = {"name": "Tom Vane", "role": "suspect", "is_real": True}


@pytest.fixture
def world(database: Database) -> CaseWorld:
    return CaseWorld(database)


@pytest.fixture
def other(issuer: TestIssuer) -> dict[str, str]:
    return {"Authorization": f"Bearer {issuer.reader(OTHER)}"}


@pytest.fixture
async def http(world: CaseWorld, issuer: TestIssuer) -> AsyncIterator[httpx2.AsyncClient]:
    headers = {"Authorization": f"Bearer {issuer.reader(READER)}"}
    transport = httpx2.ASGITransport(world.app(issuer))
    async with httpx2.AsyncClient(transport=transport, base_url="http://story", headers=headers) as client:
        yield client


async def a_case(http: httpx2.AsyncClient, key: str = "case", **changes: Any) -> str:
    answer = await posted(http, CASES, {**WISH, **changes}, key)
    assert answer.status_code == 201, answer.text
    return f"{CASES}/{answer.json()['id']}"


async def added(http: httpx2.AsyncClient, path: str, body: dict[str, Any], key: str = "part") -> dict[str, Any]:
    answer = await posted(http, path, body, key)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def told(world: CaseWorld) -> list[tuple[str, Any]]:
    async with world.work() as work:
        rows = await work.session.execute(text("SELECT type, payload FROM story.outbox ORDER BY seq"))
        return [(row.type, row.payload) for row in rows]


async def test_the_house_has_invented_cases_from_the_first_day(http: httpx2.AsyncClient) -> None:
    items = (await http.get(CASES, params={"whose": "house"})).json()["items"]
    assert len(items) == 3
    for item in items:
        assert (item["truth_mode"], item["label"], item["is_own"]) == ("fiction", "Invented case", False)
        file = (await http.get(f"{CASES}/{item['id']}")).json()
        assert file["label"] == "Invented case"
        assert all(fact["sources"] for fact in file["facts"])
        assert not [person for person in file["persons"] if person["is_real"]]
        assert len(file["timeline"]) == len(file["facts"])
    assert refused(await http.delete(f"{CASES}/{items[0]['id']}")) == (403, "forbidden")


async def test_a_file_is_filled_read_changed_and_deleted(http: httpx2.AsyncClient, world: CaseWorld) -> None:
    path = await a_case(http)
    source = await added(http, f"{path}/sources", SOURCE)
    person = await added(http, f"{path}/persons", PERSON)
    fact = {"statement": "Tom Vane found the door open.", "person_id": person["id"], "occurred_on": "1912-05-04"}
    assert refused(await posted(http, f"{path}/facts", fact)) == (422, "source_required")
    cited = [{"source_id": source["id"], "quote": "the door", "locator": "p. 4"}]
    kept = await added(http, f"{path}/facts", {**fact, "sources": cited}, "k2")
    assert kept["sources"] == [{**cited[0], "ref_no": 1}]
    answer = await http.get(path)
    file = answer.json()
    assert (answer.headers["etag"], file["version"]) == ('"4"', 4)
    assert (file["persons"], file["facts"], file["timeline"]) == ([person], [kept], [kept["id"]])
    assert (await http.get(path, headers={"If-None-Match": '"4"'})).status_code == 304
    assert refused(await http.patch(path, json={"title": "X"})) == (428, "precondition_required")
    stale = await http.patch(path, json={"title": "X"}, headers={"If-Match": '"3"'})
    assert refused(stale) == (412, "version_conflict")
    changed = await http.patch(path, json={"title": "Fire"}, headers={"If-Match": '"4"'})
    assert (changed.json()["title"], changed.headers["etag"]) == ("Fire", '"5"')
    assert (await http.patch(f"{path}/facts/{kept['id']}", json={"status": "disputed"})).json()["status"] == "disputed"
    assert (await http.delete(f"{path}/sources/{source['id']}")).status_code == 204
    file = (await http.get(path)).json()
    assert file["facts"][0]["status"] == "retracted"
    assert file["sources"][0]["retracted_at"] is not None
    assert [name for name, _ in await told(world)] == ["case.updated"] * 7
    assert (await http.delete(path)).status_code == 204
    assert refused(await http.get(path)) == (404, "not_found")


async def test_the_same_key_adds_once_and_answers_the_same(http: httpx2.AsyncClient) -> None:
    answers = await asyncio.gather(*(posted(http, CASES, WISH, "same") for _ in range(5)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    path = f"{CASES}/{answers[0].json()['id']}"
    twice = [await posted(http, f"{path}/sources", SOURCE) for _ in range(2)]
    assert twice[0].content == twice[1].content
    assert "idempotent-replayed" in twice[1].headers
    assert len((await http.get(path)).json()["sources"]) == 1
    assert refused(await posted(http, CASES, {**WISH, "title": "B"}, "same")) == (422, "idempotency_key_reused")


async def test_changes_at_once_count_one_after_another(http: httpx2.AsyncClient) -> None:
    path = await a_case(http)
    await asyncio.gather(*(added(http, f"{path}/sources", SOURCE, f"k{n}") for n in range(6)))
    file = (await http.get(path)).json()
    assert (file["version"], [source["ref_no"] for source in file["sources"]]) == (7, [1, 2, 3, 4, 5, 6])


async def test_the_plan_says_how_many_files(http: httpx2.AsyncClient, world: CaseWorld) -> None:
    world.subscriptions.plan = no_plan()
    assert refused(await posted(http, CASES, WISH)) == (402, "subscription_required")
    world.subscriptions.plan = with_room(2)
    answers = await asyncio.gather(*(posted(http, CASES, WISH, f"k{n}") for n in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 402, 402, 402]
    refusal = next(answer.json() for answer in answers if answer.status_code == 402)
    assert (refusal["code"], refusal["meter"], refusal["limit"]) == ("plan_upgrade_required", "cases.own", 2)


async def test_people_are_guarded(http: httpx2.AsyncClient, other: dict[str, str]) -> None:
    path = await a_case(http, visibility="public")
    child = {"name": "Ada Quill", "role": "witness", "is_real": True, "is_minor": True}
    assert refused(await posted(http, f"{path}/persons", child)) == (422, "minor_must_be_protected")
    await added(http, f"{path}/persons", {**child, "protected": True})
    convict = {**PERSON, "legal_status": "convicted"}
    assert refused(await posted(http, f"{path}/persons", convict)) == (422, "conviction_source_required")
    source = await added(http, f"{path}/sources", SOURCE, "s")
    person = await added(http, f"{path}/persons", {**convict, "status_source_id": source["id"]}, "p")
    assert refused(await http.delete(f"{path}/sources/{source['id']}")) == (409, "source_cited")
    cited = [{"source_id": source["id"]}]
    guilty = await added(http, f"{path}/facts", {"statement": "Tom Vane set the fire.", "sources": cited}, "f1")
    await added(http, f"{path}/facts", {"statement": "Ada Quill saw it.", "sources": cited}, "f2")
    seen = await http.get(path, headers=other)
    assert "Quill" not in seen.text
    assert seen.json()["label"] == "Documented case, each fact with its source"
    acquitted = await http.patch(f"{path}/persons/{person['id']}", json={"legal_status": "acquitted"})
    assert (acquitted.status_code, acquitted.json()["status_source_id"]) == (200, None)
    again = {"statement": "He set the fire.", "sources": cited, "person_id": person["id"]}
    assert refused(await posted(http, f"{path}/facts", again, "f3")) == (422, "guilt_not_established")
    shown = (await http.get(path, headers=other)).json()
    assert guilty["id"] not in [fact["id"] for fact in shown["facts"]]


async def test_a_change_of_legal_status_is_told_and_asks_for_a_recheck(
    http: httpx2.AsyncClient, world: CaseWorld
) -> None:
    path = await a_case(http)
    person = await added(http, f"{path}/persons", PERSON)
    await http.patch(f"{path}/persons/{person['id']}", json={"legal_status": "charged"})
    name, data = (await told(world))[-1]
    assert (name, data["from"], data["to"], data["person_id"]) == (
        "case.person_status_changed",
        "none",
        "charged",
        person["id"],
    )
    async with world.work() as work:
        recheck = await work.rechecks.next()
    assert recheck is not None
    assert (recheck.change.person_id, recheck.change.after) == (UUID(person["id"]), LegalStatus.CHARGED)


async def test_only_its_owner_changes_a_file(http: httpx2.AsyncClient, other: dict[str, str]) -> None:
    private, public = await a_case(http, "a"), await a_case(http, "b", visibility="public")
    for path, code in ((private, 404), (public, 403), (f"{CASES}/{uuid4()}", 404)):
        changed = await http.patch(path, json={"title": "X"}, headers={**other, "If-Match": '"1"'})
        answers = [
            changed,
            await http.delete(path, headers=other),
            await http.post(f"{path}/sources", json=SOURCE, headers={**other, "Idempotency-Key": "k"}),
            await http.patch(f"{path}/facts/{uuid4()}", json={}, headers=other),
        ]
        assert {answer.status_code for answer in answers} == {code}
    assert refused(await http.get(private, headers=other)) == (404, "not_found")
    listed = (await http.get(CASES, params={"whose": "public"}, headers=other)).json()["items"]
    assert [f"{CASES}/{item['id']}" for item in listed] == [public]


async def test_words_are_judged_before_they_are_kept(http: httpx2.AsyncClient, world: CaseWorld) -> None:
    assert refused(await posted(http, CASES, {**WISH, "summary": UNSAFE})) == (422, "input_blocked")
    path = await a_case(http)
    assert refused(await posted(http, f"{path}/sources", {**SOURCE, "excerpt": UNSAFE})) == (422, "input_blocked")
    world.moderator.is_down = True
    assert refused(await posted(http, f"{path}/sources", SOURCE)) == (503, "moderation_unavailable")
    assert (await http.get(path)).json()["version"] == 1


async def test_a_file_under_published_stories_stays(http: httpx2.AsyncClient, world: CaseWorld) -> None:
    path = await a_case(http)
    await stored_story(world, UUID(path.rpartition("/")[2]), "Rain.", publish_state="published")
    assert refused(await http.delete(path)) == (409, "published_stories")


async def test_a_story_tells_what_it_rests_on(
    http: httpx2.AsyncClient, world: CaseWorld, other: dict[str, str]
) -> None:
    path = await a_case(http)
    source = await added(http, f"{path}/sources", SOURCE)
    body = "The court sat in March [1]. Tom left at nine. It rained."
    case_id = UUID(path.rpartition("/")[2])
    story = await stored_story(world, case_id, body)
    found = (await http.get(f"/story/v1/stories/{story}/citations")).json()
    assert (found["uncited_claims"], found["label"]) == (0, "AI-generated from a documented case")
    assert [segment["source_ids"] for segment in found["segments"]] == [[source["id"]]]
    assert found["sources"][0]["ref_no"] == 1
    assert refused(await http.get(f"/story/v1/stories/{story}/citations", headers=other)) == (404, "not_found")
    await added(http, f"{path}/persons", {**PERSON, "name": "Tom", "protected": False})
    assert (await http.get(f"/story/v1/stories/{story}/citations")).json()["uncited_claims"] == 1
    alone = await stored_story(world, None, body, truth_mode="fiction")
    plain = (await http.get(f"/story/v1/stories/{alone}/citations")).json()
    assert (plain["uncited_claims"], plain["segments"]) == (None, [])


@pytest.mark.parametrize(
    "body",
    [{"title": ""}, {"title": "a\nb"}, {"truth_mode": "true"}, {"visibility": "house"}, {"extra": 1}, {"year_from": 0}],
)
async def test_what_does_not_fit_is_422(http: httpx2.AsyncClient, body: dict[str, Any]) -> None:
    assert refused(await posted(http, CASES, {**WISH, **body})) == (422, "validation_failed")


async def test_every_part_of_a_file_comes_back(world: CaseWorld) -> None:
    source = a_source(1, publisher="Crown", url="https://example.org/1", reliability=4, retracted_at=NOON)
    person = a_person(aliases=("Tommy",), is_living=False, status_source_id=source.id)
    fact = a_fact("It burned.", source, occurred_on=NOON.date(), person_id=person.id)
    file = a_file(sources=(source,), persons=(person,), facts=(fact,))
    async with world.work() as work:
        await work.cases.add(file.head)
        await work.cases.keep(Change(file, sources=file.sources, persons=file.persons, facts=file.facts))
        assert await work.cases.find(file.head.id) == file


@pytest.mark.parametrize("whose", [None, *Whose])
async def test_no_list_reads_a_whole_table_and_a_page_is_one_query(world: CaseWorld, whose: Whose | None) -> None:
    async with world.work() as work:
        page = CasePage(READER, whose, (NOON, uuid7()), 21)
        assert await scans_a_table(work, lambda: work.cases.page(page)) == 1
        assert await scans_a_table(work, lambda: work.cases.number_of(READER)) == 1


async def stored_story(world: CaseWorld, case_id: UUID | None, body: str, **values: Any) -> UUID:
    story_id = uuid7()
    row = {
        "id": story_id,
        "user_id": READER,
        "case_id": case_id,
        "title": "A story",
        "body": body,
        "truth_mode": "documented",
        "origin": "generated",
        "state": "ready",
        "moderation_status": "approved",
        "created_at": NOON,
        "updated_at": NOON,
    }
    async with world.work() as work:
        await work.session.execute(insert(StoryRow).values({**row, **values}))
        await work.commit()
    return story_id
