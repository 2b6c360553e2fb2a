"""Characters: who meets whom, whose they are, how many, and who must not be one."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from common_auth.testing import TestIssuer
from common_service.database import Database
from common_service.ids import uuid7
from services.story_service.tests.memory_characters import investigators
from services.story_service.tests.plans import scans_a_table
from services.story_service.tests.worlds import NOON, OTHER, READER, UNSAFE, CountedWork, World, a_plan, no_plan
from story_service.application.attempts import AttemptKey
from story_service.application.character_ports import Whose
from story_service.application.ports import StartWork
from story_service.domain.access import Limit
from story_service.domain.character import Character, Kind, Persona, Visibility
from story_service.domain.errors import CharacterLimitReached
from story_service.domain.ids import CharacterId

pytestmark = pytest.mark.anyio
CHARACTERS = "/story/v1/characters"
WISH = {
    "name": "Odile Farrow",
    "kind": "lawyer",
    "role": "Coroner's clerk",
    "personality": "Counts stairs. Trusts nobody who whistles.",
    "greeting": "You are late, and so is he.",
}
PERSONA = Persona("Odile Farrow", Kind.LAWYER, "Coroner's clerk", "Counts stairs.")


def a_character(**values: Any) -> Character:
    made = Character(CharacterId(uuid7()), READER, PERSONA, Visibility.PRIVATE, NOON, NOON)
    return replace(made, **values)


async def kept(start_work: StartWork, *characters: Character) -> None:
    async with start_work() as work:
        for character in characters:
            await work.characters.add(character)
        await work.commit()


def with_room(room: int | None) -> Any:
    plan = a_plan()
    return replace(plan, limits={**plan.limits, "characters.own": Limit(room, "total")})


@pytest.fixture
def people(issuer: TestIssuer) -> dict[str, dict[str, str]]:
    return {
        name: {"Authorization": f"Bearer {issuer.reader(user_id)}"}
        for name, user_id in (("reader", READER), ("other", OTHER))
    }


@pytest.fixture
async def http(app: FastAPI, world: World, people: dict[str, dict[str, str]]) -> AsyncIterator[httpx2.AsyncClient]:
    world.subscriptions.plan = with_room(5)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://story", headers=people["reader"]
    ) as client:
        yield client


async def made(http: httpx2.AsyncClient, key: str = "k", **changes: Any) -> httpx2.Response:
    return await http.post(CHARACTERS, json={**WISH, **changes}, headers={"Idempotency-Key": key})


def refused(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def names(http: httpx2.AsyncClient, **params: Any) -> list[str]:
    """Walk all pages of two."""
    found, cursor = [], None
    while True:
        answer = await http.get(CHARACTERS, params={"limit": 2, **params, **({"cursor": cursor} if cursor else {})})
        assert answer.status_code == 200, answer.text
        found += [item["name"] for item in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found


async def test_six_investigators_of_the_house_are_there_from_the_first_day(http: httpx2.AsyncClient) -> None:
    page = (await http.get(CHARACTERS)).json()["items"]
    assert len(page) == 6
    for one in page:
        assert (one["visibility"], one["is_own"]) == ("house", False)
        assert all(one[part] for part in ("role", "personality", "speaking_style", "greeting", "boundaries"))
    assert len({one["name"] for one in page}) == 6
    assert len({one["kind"] for one in page}) == 6


async def test_a_reader_meets_the_house_the_public_ones_and_own_ones(http: httpx2.AsyncClient, world: World) -> None:
    def later(minutes: int) -> Any:
        return {"created_at": NOON + timedelta(minutes=minutes)}

    await kept(
        world.start_work,
        a_character(persona=replace(PERSONA, name="Mine"), **later(1)),
        a_character(persona=replace(PERSONA, name="Mine for all"), visibility=Visibility.PUBLIC, **later(2)),
        a_character(persona=replace(PERSONA, name="Hers"), owner_id=OTHER, **later(3)),
        a_character(
            persona=replace(PERSONA, name="Hers for all"), owner_id=OTHER, visibility=Visibility.PUBLIC, **later(4)
        ),
        a_character(
            persona=replace(PERSONA, name="Not judged"), owner_id=OTHER, visibility=Visibility.PUBLIC, approved=False
        ),
        a_character(persona=replace(PERSONA, name="By link"), owner_id=OTHER, visibility=Visibility.UNLISTED),
    )
    house = [one.persona.name for one in reversed(investigators())]
    assert await names(http) == ["Hers for all", "Mine for all", "Mine", *house]
    assert await names(http, whose="own") == ["Mine for all", "Mine"]
    assert await names(http, whose="public") == ["Hers for all"]
    assert await names(http, whose="house") == house
    assert (await http.get(CHARACTERS, params={"whose": "mine"})).status_code == 422


async def test_a_cursor_serves_its_own_list_only(http: httpx2.AsyncClient) -> None:
    cursor = (await http.get(CHARACTERS, params={"limit": 1})).json()["next_cursor"]
    assert refused(await http.get(CHARACTERS, params={"whose": "house", "cursor": cursor})) == (422, "cursor_invalid")


async def test_a_character_comes_back_as_it_was_kept(start_work: StartWork) -> None:
    persona = Persona("Name", Kind.SUSPECT, "Role", "Personality", "Style", "Greeting", "Boundaries")
    character = a_character(persona=persona, visibility=Visibility.UNLISTED, approved=False, version=3)
    await kept(start_work, character)
    async with start_work() as work:
        assert await work.characters.find(character.id) == character
        assert await work.characters.find(investigators()[0].id) == investigators()[0]
        assert await work.characters.number_of(READER) == 1


async def test_made_read_changed_deleted(http: httpx2.AsyncClient) -> None:
    answer = await made(http)
    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
    assert {**answer.json(), **WISH} == answer.json()
    path = f"{CHARACTERS}/{answer.json()['id']}"
    assert (await http.get(path)).json() == answer.json()
    changed = await http.patch(path, json={"name": "Odile Marr", "visibility": "public"}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert (changed.json()["name"], changed.json()["role"], changed.json()["version"]) == (
        "Odile Marr",
        WISH["role"],
        2,
    )
    assert refused(await http.patch(path, json={"name": "X"}, headers={"If-Match": '"1"'})) == (412, "version_conflict")
    assert refused(await http.patch(path, json={"name": "X"})) == (428, "precondition_required")
    assert (await http.patch(path, json={"name": "X"}, headers={"If-Match": "2"})).status_code == 422
    assert (await http.delete(path)).status_code == 204
    assert refused(await http.get(path)) == (404, "not_found")
    assert refused(await http.delete(path)) == (404, "not_found")


async def test_the_same_key_makes_one_and_answers_the_same(http: httpx2.AsyncClient, world: World) -> None:
    answers = await asyncio.gather(*(made(http) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 9
    assert await names(http, whose="own") == [WISH["name"]]
    assert refused(await made(http, name="Another")) == (422, "idempotency_key_reused")
    world.subscriptions.plan = no_plan()
    await http.delete(f"{CHARACTERS}/{answers[0].json()['id']}")
    assert (await made(http)).content == answers[0].content, "what was answered stays the answer"


async def test_without_a_plan_402_and_over_its_limit_too(http: httpx2.AsyncClient, world: World) -> None:
    world.subscriptions.plan = no_plan()
    assert refused(await made(http)) == (402, "subscription_required")
    world.subscriptions.plan = with_room(1)
    assert (await made(http, "one")).status_code == 201
    answer = await made(http, "two")
    assert refused(answer) == (402, "plan_upgrade_required")
    assert {**answer.json(), "meter": "characters.own", "limit": 1, "used": 1} == answer.json()
    assert answer.json()["action"]["type"] == "checkout"
    world.subscriptions.plan = with_room(None)
    assert (await made(http, "two")).status_code == 201


async def test_the_limit_holds_under_parallel_attempts(world: World) -> None:
    world.subscriptions.plan = with_room(3)
    make = world.use.own_characters.make
    attempts = [make(READER, PERSONA, Visibility.PRIVATE, AttemptKey(f"k{n}", b"d")) for n in range(12)]
    ends = await asyncio.gather(*attempts, return_exceptions=True)
    assert sum(isinstance(end, CharacterLimitReached) for end in ends) == 9
    assert len(await world.use.characters.page(READER, Whose.OWN, before=None, most=20)) == 3


async def test_one_of_two_changes_at_once_wins(http: httpx2.AsyncClient) -> None:
    path = f"{CHARACTERS}/{(await made(http)).json()['id']}"
    changes = [http.patch(path, json={"name": f"N{n}"}, headers={"If-Match": '"1"'}) for n in range(4)]
    assert sorted(answer.status_code for answer in await asyncio.gather(*changes)) == [200, 412, 412, 412]


async def test_only_its_owner_changes_a_character(http: httpx2.AsyncClient, people: dict[str, dict[str, str]]) -> None:
    private = (await made(http, "a")).json()["id"]
    public = (await made(http, "b", visibility="public")).json()["id"]
    other = {**people["other"], "If-Match": '"1"'}
    assert refused(await http.get(f"{CHARACTERS}/{private}", headers=other)) == (404, "not_found")
    assert (await http.get(f"{CHARACTERS}/{public}", headers=other)).json()["is_own"] is False
    for character, code in ((private, 404), (public, 403), (investigators()[0].id, 403), (uuid4(), 404)):
        path = f"{CHARACTERS}/{character}"
        assert (await http.patch(path, json={"name": "X"}, headers=other)).status_code == code
        assert (await http.delete(path, headers=other)).status_code == code


async def test_what_breaks_the_rules_is_kept_out_and_the_decision_kept(http: httpx2.AsyncClient, world: World) -> None:
    assert refused(await made(http, greeting=UNSAFE)) == (422, "input_blocked")
    character = (await made(http)).json()["id"]
    edit = await http.patch(f"{CHARACTERS}/{character}", json={"personality": UNSAFE}, headers={"If-Match": '"1"'})
    assert refused(edit) == (422, "input_blocked")
    world.moderator.is_down = True
    assert refused(await made(http, "later")) == (503, "moderation_unavailable")
    assert (await http.get(f"{CHARACTERS}/{character}")).json()["version"] == 1


async def test_a_real_person_is_refused_without_asking_anybody(http: httpx2.AsyncClient, world: World) -> None:
    assert refused(await made(http, name="Ted  BUNDY")) == (422, "real_person_refused")
    assert refused(await made(http, role="Based on a real person")) == (422, "real_person_refused")
    assert world.moderator.asked == []
    assert await names(http, whose="own") == []


async def test_decisions_name_the_character(database: Database) -> None:
    world = World(lambda: CountedWork(database), plan=with_room(5))
    made_one = await world.use.own_characters.make(READER, PERSONA, Visibility.PRIVATE, AttemptKey("k", b"d"))
    async with CountedWork(database) as work:
        rows = await work.session.execute(
            text("SELECT target_type, target_id, stage, verdict, automated FROM story.moderation_decisions")
        )
        assert [tuple(row) for row in rows] == [("character", made_one.character.id, "input", "allow", True)]


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": "a\nb"},
        {"name": "x" * 81},
        {"kind": "king"},
        {"personality": "a\x00"},
        {"visibility": "house"},
        {"extra": 1},
        {"role": None},
    ],
)
async def test_what_does_not_fit_is_422(http: httpx2.AsyncClient, body: dict[str, Any]) -> None:
    assert refused(await made(http, **body)) == (422, "validation_failed")


@pytest.mark.parametrize("whose", [None, *Whose])
async def test_no_list_reads_a_whole_table_and_a_page_is_one_query(database: Database, whose: Whose | None) -> None:
    async with CountedWork(database) as work:
        before = (NOON, uuid7())
        read = work.characters.cast
        assert await scans_a_table(work, lambda: read(READER, whose, before=before, most=21)) == 1
        assert await scans_a_table(work, lambda: work.characters.number_of(READER)) == 1
        assert await scans_a_table(work, lambda: work.characters.find(investigators()[0].id)) == 1
