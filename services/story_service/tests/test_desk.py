"""The moderation desk over HTTP and Postgres: reports, requests from outside, reviewers, appeals, strikes, rechecks."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy import insert, text

from common_auth.testing import TestIssuer
from common_service.app import create_service_app
from common_service.database import Database
from common_service.ids import uuid7
from common_service.pagination import Cursors
from common_service.rate_limit import local_limits
from common_service.testing import ready
from services.story_service.tests.a_case import REVIEWER, a_file, a_source, convicted
from services.story_service.tests.plans import scans_a_table
from services.story_service.tests.worlds import NOON, OTHER, READER, Clock, CountedWork
from story_service.api.problems import FACES
from story_service.application.cases.ports import Recheck
from story_service.application.desk.ports import Queue
from story_service.domain.cases.case_file import LegalStatus
from story_service.domain.cases.changes import Change, with_person
from story_service.domain.desk.strikes import APPEAL_WINDOW
from story_service.infrastructure.desk.human_check import NobodyAsks
from story_service.infrastructure.desk.work import SqlDeskWork
from story_service.infrastructure.tables import CounterRow, StoryRow
from story_service.settings import Settings
from story_service.wiring.desk import DeskPorts, recheck, routers, wire_desk

pytestmark = pytest.mark.anyio
QUEUE = "/internal/v1/moderation/cases"
POLICY = {"admin": frozenset({"moderation.read", "moderation.write"}), "readers": frozenset({"moderation.read"})}
BLOCK = {"verdict": "block", "reason_codes": ["violence"], "statement": "It shows too much."}


class CountedDeskWork(CountedWork, SqlDeskWork):
    """One that fakes of the network can see open."""


class StrictCheck(NobodyAsks):
    """Knows one good answer."""

    async def passes(self, token: str | None) -> bool:
        return token == "human"


@dataclass
class Office:
    """The desk over a real database."""

    database: Database
    clock: Clock
    http: httpx2.AsyncClient
    issuer: TestIssuer

    def work(self) -> CountedDeskWork:
        return CountedDeskWork(self.database)

    def as_user(self, user_id: UUID) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.issuer.reader(user_id)}"}

    def as_reviewer(self, user_id: UUID = REVIEWER, group: str = "admin") -> dict[str, str]:
        service = self.issuer.service("story/moderate")
        return {
            "Authorization": f"Bearer {service}",
            "X-Actor-Token": self.issuer.reader(user_id, groups=[group]),
            "Idempotency-Key": f"of-{user_id}",
        }

    async def decide(self, case_id: str, verdict: dict[str, Any], user_id: UUID = REVIEWER) -> httpx2.Response:
        headers = self.as_reviewer(user_id)
        taken = await self.http.post(f"{QUEUE}/{case_id}/assign", headers=headers)
        assert taken.status_code == 200, taken.text
        return await self.http.post(f"{QUEUE}/{case_id}/decision", json=verdict, headers=headers)

    async def report(self, target: UUID, kind: str = "story", by: UUID = OTHER, key: str = "k") -> httpx2.Response:
        body = {"target": {"type": kind, "id": str(target)}, "reason": "violence", "statement": "Too much."}
        return await self.http.post(
            "/story/v1/reports", json=body, headers={**self.as_user(by), "Idempotency-Key": key}
        )

    async def mine(self, user_id: UUID = READER) -> dict[str, Any]:
        answer = await self.http.get("/story/v1/me/moderation", headers=self.as_user(user_id))
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    async def story(self, **values: Any) -> UUID:
        story_id = uuid7()
        row = {
            "id": story_id,
            "user_id": READER,
            "title": "A story",
            "body": "Rain, and Tom Vane in it.",
            "truth_mode": "inspired",
            "origin": "generated",
            "state": "ready",
            "moderation_status": "approved",
            "publish_state": "published",
            "published_at": NOON,
            "created_at": NOON,
            "updated_at": NOON,
        }
        async with self.work() as work:
            await work.session.execute(insert(StoryRow).values({**row, **values}))
            counter = {"target_type": "story", "target_id": story_id, "refreshed_at": NOON}
            await work.session.execute(insert(CounterRow).values(**counter))
            await work.commit()
        return story_id

    async def states(self, story_id: UUID) -> tuple[str, str]:
        async with self.work() as work:
            row = await work.session.get(StoryRow, story_id)
        assert row is not None
        return row.moderation_status, row.publish_state

    async def told(self) -> list[str]:
        async with self.work() as work:
            return [row.type for row in await work.session.execute(text("SELECT type FROM story.outbox ORDER BY seq"))]


@pytest.fixture
async def office(database: Database, issuer: TestIssuer) -> AsyncIterator[Office]:
    clock = Clock()
    use = wire_desk(DeskPorts(lambda: CountedDeskWork(database), StrictCheck(), clock))
    rates = {**Settings.default_rates, "story.request_takedown_address": "3/hour"}
    routes = routers(use, issuer.callers(POLICY), Cursors("a secret of the tests"), local_limits(rates))
    app = create_service_app(title="desk", prefix="/story", routers=routes, problems=FACES, ready=ready)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://story") as client:
        yield Office(database, clock, client, issuer)


def refused(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_report_is_decided_told_with_reasons_and_undone_by_an_appeal(office: Office) -> None:
    story = await office.story()
    opened = await office.report(story)
    assert (opened.status_code, opened.json()["due_at"]) == (201, "2026-11-28T12:00:00Z")
    assert (await office.report(story)).content == opened.content
    assert refused(await office.report(story, key="k2")) == (409, "already_reported")
    case_id = opened.json()["case_id"]
    decided = await office.decide(case_id, BLOCK)
    assert (decided.status_code, decided.json()["state"]) == (200, "upheld")
    assert await office.states(story) == ("blocked", "withdrawn")
    mine = await office.mine()
    [ruling] = mine["items"]
    assert mine["strikes"]["standing"] == 1
    assert (ruling["reason_codes"], ruling["statement"], ruling["automated"]) == (
        ["violence"],
        BLOCK["statement"],
        False,
    )
    path = f"/story/v1/moderation-decisions/{ruling['decision_id']}/appeals"
    assert refused(await office.http.post(path, json={"statement": "No."}, headers=office.as_user(OTHER)))[0] == 404
    appeal = await office.http.post(path, json={"statement": "No."}, headers=office.as_user(READER))
    assert appeal.status_code == 201
    again = await office.http.post(path, json={"statement": "No."}, headers=office.as_user(READER))
    assert refused(again) == (409, "already_appealed")
    appeal_id = appeal.json()["case_id"]
    taken = await office.http.post(f"{QUEUE}/{appeal_id}/assign", headers=office.as_reviewer())
    assert refused(taken) == (409, "same_reviewer")
    other = await office.decide(appeal_id, {"verdict": "restore", "statement": "It was fine."}, OTHER)
    assert other.json()["state"] == "overturned"
    assert await office.states(story) == ("approved", "withdrawn")
    mine = await office.mine()
    assert mine["strikes"] == {"standing": 0, "next_expires_at": None}
    assert [item["verdict"] for item in mine["items"]] == ["restore", "block"]
    assert mine["items"][1]["appeal"] == {"case_id": appeal_id, "state": "overturned"}
    assert await office.told() == [
        "moderation.case_opened",
        "moderation.decided",
        "moderation.case_resolved",
        "story.unpublished",
        "user.struck",
        "moderation.case_opened",
        "moderation.decided",
        "moderation.case_resolved",
    ]


async def test_an_appeal_comes_too_late(office: Office) -> None:
    story = await office.story()
    await office.decide((await office.report(story)).json()["case_id"], BLOCK)
    decision = (await office.mine())["items"][0]["decision_id"]
    office.clock.now = NOON + APPEAL_WINDOW + timedelta(seconds=1)
    path = f"/story/v1/moderation-decisions/{decision}/appeals"
    late = await office.http.post(path, json={"statement": "No."}, headers=office.as_user(READER))
    assert refused(late) == (410, "window_closed")


async def test_families_need_no_account_and_are_answered_within_two_days(office: Office) -> None:
    story, private = await office.story(), await office.story(publish_state="draft")

    async def ask(key: str, **changes: Any) -> httpx2.Response:
        wish = {
            "target": {"type": "story", "id": str(story)},
            "contact_email": "family@example.org",
            "legal_basis": "personality_rights",
            "statement": "She was my sister.",
            "captcha_token": "human",
        }
        path = "/story/v1/takedown-requests"
        return await office.http.post(path, json={**wish, **changes}, headers={"Idempotency-Key": key})

    assert (await ask("a", legal_basis=None)).status_code == 422
    accepted = await ask("b")
    assert (accepted.status_code, accepted.json()["due_at"]) == (202, "2026-11-23T12:00:00Z")
    assert "example.org" not in accepted.text
    assert refused(await ask("c", captcha_token="robot")) == (422, "captcha_failed")
    assert refused(await ask("d", target={"type": "story", "id": str(private)}))[0] in {404, 429}
    assert refused(await ask("e")) == (429, "rate_limited")
    await office.decide(accepted.json()["case_id"], {**BLOCK, "reason_codes": ["personality_rights"]})
    assert await office.states(story) == ("blocked", "withdrawn")
    assert (await office.mine())["strikes"]["standing"] == 0


async def test_what_nobody_can_see_cannot_be_reported(office: Office) -> None:
    private = await office.story(publish_state="draft")
    for target, kind in ((private, "story"), (uuid4(), "story"), (uuid4(), "character"), (uuid4(), "case")):
        assert refused(await office.report(target, kind)) == (404, "not_found")
    async with office.work() as work:
        house = await work.session.scalar(text("SELECT id FROM story.characters LIMIT 1"))
        case = await work.session.scalar(text("SELECT id FROM story.cases LIMIT 1"))
    assert (await office.report(house, "character", key="a")).status_code == 201
    reported = (await office.report(case, "case", key="b")).json()
    await office.decide(reported["case_id"], BLOCK)
    assert refused(await office.report(case, "case", key="c")) == (404, "not_found")


async def test_the_queue_shows_what_is_due_first_to_who_may_moderate(office: Office) -> None:
    for number in range(3):
        office.clock.now = NOON - timedelta(hours=number)
        assert (await office.report(await office.story(), key=f"k{number}")).status_code == 201
    headers = office.as_reviewer(group="readers")
    first = (await office.http.get(QUEUE, params={"limit": 2}, headers=headers)).json()
    cursor = {"limit": 2, "cursor": first["next_cursor"]}
    second = (await office.http.get(QUEUE, params=cursor, headers=headers)).json()
    due = [item["due_at"] for item in first["items"] + second["items"]]
    assert (len(due), due) == (3, sorted(due))
    assert (await office.http.get(QUEUE, params={"kind": "appeal"}, headers=headers)).json()["items"] == []
    path = f"{QUEUE}/{first['items'][0]['case_id']}"
    assert refused(await office.http.post(f"{path}/assign", headers=headers)) == (403, "forbidden")
    decision = await office.http.post(f"{path}/decision", json=BLOCK, headers=office.as_reviewer())
    assert refused(decision) == (409, "not_assigned")
    unknown = await office.http.post(f"{QUEUE}/{uuid4()}/assign", headers=office.as_reviewer())
    assert refused(unknown) == (404, "not_found")
    assert refused(await office.http.get(QUEUE, headers=office.as_user(READER)))[0] == 401


async def test_stories_are_read_again_when_a_conviction_falls(office: Office) -> None:
    source = a_source(1)
    person = convicted(source.id)
    acquitted = replace(person, legal_status=LegalStatus.ACQUITTED, status_source_id=None)
    file = a_file(sources=(source,), persons=(person,))
    async with office.work() as work:
        await work.cases.add(file.head)
        await work.cases.keep(Change(file, sources=file.sources, persons=file.persons))
        await work.commit()
    names_him = await office.story(case_id=file.head.id)
    draft = await office.story(case_id=file.head.id, publish_state="draft")
    silent = await office.story(case_id=file.head.id, body="Rain and nobody in it.")
    change = with_person(file, acquitted, NOON)
    async with office.work() as work:
        await work.cases.keep(change)
        assert change.status
        await work.rechecks.ask(Recheck(uuid7(), file.head.id, change.status))
        await work.commit()
    job = recheck(office.work, office.clock)
    assert [await job(), await job()] == [True, False]
    assert await office.states(names_him) == ("flagged", "withdrawn")
    assert await office.states(draft) == ("flagged", "draft")
    assert await office.states(silent) == ("approved", "published")
    mine = await office.mine()
    assert {item["target"]["id"] for item in mine["items"]} == {str(names_him), str(draft)}
    assert mine["items"][0]["reason_codes"] == ["legal_status_changed"]
    queue = (await office.http.get(QUEUE, params={"kind": "flag"}, headers=office.as_reviewer())).json()["items"]
    case = next(item for item in queue if item["target"]["id"] == str(draft))
    await office.decide(case["case_id"], {"verdict": "allow", "statement": "It says nothing of guilt."})
    assert await office.states(draft) == ("approved", "draft")
    assert (await office.mine())["strikes"]["standing"] == 0


async def test_no_list_of_the_desk_reads_a_whole_table(office: Office) -> None:
    async with office.work() as work:
        queue = Queue(None, (), (NOON, uuid7()), 21)
        assert await scans_a_table(work, lambda: work.desk.page(queue)) == 1
        assert await scans_a_table(work, lambda: work.desk.standing(READER, NOON)) == 1
        rulings = work.desk.rulings
        assert await scans_a_table(work, lambda: rulings(READER, before=(NOON, uuid7()), most=21)) == 1
