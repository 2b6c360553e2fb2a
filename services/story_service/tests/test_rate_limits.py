"""How often a reader may ask, whatever the plan says."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from common_auth.testing import TestIssuer
from common_service.pagination import Cursors
from common_service.rate_limit import local_limits
from common_service.testing import ready
from services.story_service.tests.worlds import OTHER, READER, World, no_plan
from story_service.domain.ids import UserId
from story_service.settings import Settings
from story_service.wiring.http import assemble

pytestmark = pytest.mark.anyio
STORIES, QUOTES = "/story/v1/stories", "/story/v1/quotes"
WISH = {"prompt": "A keeper vanishes", "length": "short"}


@pytest.fixture
async def http(world: World, issuer: TestIssuer) -> AsyncIterator[httpx2.AsyncClient]:
    few = {"story.create_story": "2/minute", "story.quote_story": "1/minute", "story.create_character": "1/minute"}
    limits = local_limits(Settings.default_rates | few)
    callers = issuer.callers({})
    app = assemble(world.use, callers, Cursors("a secret of the tests"), ready=ready, limits=limits)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://story") as client:
        yield client


def asked_by(issuer: TestIssuer, user: UserId, key: str) -> dict[str, Any]:
    return {"json": WISH, "headers": {"Authorization": f"Bearer {issuer.reader(user)}", "Idempotency-Key": key}}


async def test_who_asks_too_often_waits_and_nobody_else_does(http: httpx2.AsyncClient, issuer: TestIssuer) -> None:
    answers = [await http.post(STORIES, **asked_by(issuer, READER, f"key-{number}")) for number in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert answers[2].json()["code"] == "rate_limited"
    assert 1 <= int(answers[2].headers["retry-after"]) <= 60
    assert (await http.post(STORIES, **asked_by(issuer, OTHER, "key-1"))).status_code == 202
    assert (await http.post(QUOTES, **asked_by(issuer, READER, "none"))).status_code == 200


async def test_a_limited_reader_is_charged_nothing(http: httpx2.AsyncClient, issuer: TestIssuer) -> None:
    for number in range(6):
        await http.post(STORIES, **asked_by(issuer, READER, f"key-{number}"))
    kept = await http.get(STORIES, headers=asked_by(issuer, READER, "none")["headers"])
    assert len(kept.json()["items"]) == 2


async def test_a_refusal_of_the_plan_is_told_with_what_is_left(
    http: httpx2.AsyncClient, issuer: TestIssuer, world: World
) -> None:
    world.subscriptions.plan = no_plan()
    answer = await http.post(STORIES, **asked_by(issuer, READER, "key"))
    assert (answer.status_code, answer.headers["ratelimit-remaining"]) == (402, "1")


async def test_inventing_characters_is_limited_before_anything_is_looked_at(
    http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    headers = asked_by(issuer, READER, "key")["headers"]
    answers = [await http.post("/story/v1/characters", headers=headers, json={}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [422, 429]
    assert (await http.get("/story/v1/characters", headers=headers)).status_code == 200
