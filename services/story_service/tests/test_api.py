"""The service over ASGI: statuses, problems, tokens, streams."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import FastAPI

from common_auth.errors import AUTH_PROBLEMS
from common_auth.testing import TestIssuer
from services.story_service.tests.worlds import OTHER, READER, STORY_TEXT, UNSAFE, World, a_plan, in_pieces, no_plan
from story_service.api.problems import PROBLEMS
from story_service.domain.errors import Refusal

pytestmark = pytest.mark.anyio
STORIES = "/story/v1/stories"
WISH = {"prompt": "A keeper vanishes", "length": "short"}


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://story") as client:
        yield client


@pytest.fixture
def reader(issuer: TestIssuer) -> dict[str, str]:
    return {"Authorization": f"Bearer {issuer.reader(READER)}"}


@pytest.fixture
def other(issuer: TestIssuer) -> dict[str, str]:
    return {"Authorization": f"Bearer {issuer.reader(OTHER)}"}


Post = Callable[..., Any]


@pytest.fixture
def post(http: httpx2.AsyncClient, reader: dict[str, str]) -> Post:
    async def send(key: str = "key-1", body: Any = None, **headers: str) -> httpx2.Response:
        named = {"Idempotency-Key": key, **reader, **headers}
        return await http.post(STORIES, json=WISH if body is None else body, headers=named)

    return send


def is_problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    return document


async def test_accepted_is_202_with_quote_and_where_the_events_are(post: Post) -> None:
    answer = await post()
    assert answer.status_code == 202
    body = answer.json()
    assert body["story"]["state"] == "generating"
    assert (body["generation"]["state"], body["generation"]["billing"]) == ("accepted", "reserved")
    assert body["generation"]["quote"]["meters"]["stories.day"] == {"max": 1, "remaining_after": 9}
    assert body["generation"]["events"] == f"/story/v1/generations/{body['generation']['id']}/events"


async def test_the_post_itself_streams_when_asked(post: Post, http: httpx2.AsyncClient, reader: dict[str, str]) -> None:
    streamed = await post(Accept="text/event-stream")
    assert streamed.status_code == 200
    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert streamed.text.startswith("id: 1\nevent: meta\ndata: {")
    again = await post(Accept="text/event-stream")
    assert again.headers["idempotent-replayed"] == "true"
    assert again.content == streamed.content
    plain = await post()
    assert (plain.status_code, plain.headers["idempotent-replayed"]) == (202, "true")
    events = await http.get(plain.json()["generation"]["events"], headers=reader)
    assert events.content == streamed.content
    tail = await http.get(plain.json()["generation"]["events"], headers={**reader, "Last-Event-ID": "2"})
    assert streamed.content.endswith(tail.content)
    assert tail.text.startswith("id: 3\n")
    usage = (await http.get("/story/v1/usage", headers=reader)).json()["meters"]
    assert (usage["stories.day"]["settled"], usage["stories.day"]["remaining"]) == (1, 9)
    assert usage["tokens.month"]["resets_at"] == "2026-12-01T00:00:00Z"


async def test_replays_are_identical(post: Post) -> None:
    answers = await asyncio.gather(*(post() for _ in range(20)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert sum(answer.headers.get("idempotent-replayed") == "true" for answer in answers) == 19


async def test_another_body_under_the_key_is_422(post: Post) -> None:
    await post()
    is_problem(await post(body={"prompt": "Other"}), 422, "idempotency_key_reused")


async def test_without_a_plan_402_leads_to_checkout(post: Post, world: World) -> None:
    world.subscriptions.plan = no_plan()
    document = is_problem(await post(), 402, "subscription_required")
    assert document["action"] == {
        "type": "checkout",
        "href": "/payment/v1/checkout-sessions",
        "plans": ["pro", "max"],
    }


async def test_over_the_limit_429_says_when(post: Post, world: World) -> None:
    world.subscriptions.plan = a_plan(stories=1)
    await post("one")
    answer = await post("two")
    document = is_problem(answer, 429, "quota_exceeded")
    assert (document["meter"], document["limit"], document["used"]) == ("stories.day", 1, 1)
    assert document["resets_at"] == "2026-11-22T00:00:00Z"
    assert answer.headers["retry-after"] == str(12 * 3600)


async def test_other_refusals_have_their_codes(post: Post) -> None:
    assert is_problem(await post(body={"prompt": UNSAFE}), 422, "input_blocked")["reasons"] == ["violence"]
    is_problem(await post(body={**WISH, "model": "gpt-9"}), 409, "model_unavailable")
    is_problem(await post(body={**WISH, "model": "gpt-5"}), 402, "plan_upgrade_required")
    is_problem(await post(body={**WISH, "max_price": 1}), 409, "max_price_exceeded")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"prompt": ""},
        {"prompt": "x" * 4001},
        {"prompt": "a\x00b"},
        {"prompt": 5},
        {"prompt": "x", "extra": 1},
        {"prompt": "x", "max_price": "5"},
        {"prompt": "x", "max_price": True},
        {"prompt": "x", "truth_mode": "documented"},
    ],
)
async def test_what_does_not_fit_is_422(post: Post, body: dict[str, Any]) -> None:
    is_problem(await post(body=body), 422, "validation_failed")


async def test_null_is_as_good_as_absent(post: Post) -> None:
    answer = await post(body={**WISH, "tone": None, "model": None, "max_price": None})
    assert answer.status_code == 202


async def test_a_key_is_required(http: httpx2.AsyncClient, reader: dict[str, str]) -> None:
    is_problem(await http.post(STORIES, json=WISH, headers=reader), 422, "validation_failed")


async def test_stories_are_their_readers_own(
    post: Post, http: httpx2.AsyncClient, world: World, reader: dict[str, str], other: dict[str, str]
) -> None:
    is_problem(await http.get(f"{STORIES}/latest", headers=reader), 404, "not_found")
    accepted = (await post(Accept="application/json")).json()
    await http.get(accepted["generation"]["events"], headers=reader)
    story = await http.get(f"{STORIES}/{accepted['story']['id']}", headers=reader)
    assert story.json()["title"] == "The Last Ferry"
    assert story.json()["label"] == "AI-generated fiction"
    unchanged = await http.get(
        f"{STORIES}/{accepted['story']['id']}", headers={**reader, "If-None-Match": story.headers["etag"]}
    )
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert (await http.get(f"{STORIES}/latest", headers=reader)).json() == story.json()
    for path in (f"{STORIES}/{accepted['story']['id']}", f"/story/v1/generations/{accepted['generation']['id']}"):
        is_problem(await http.get(path, headers=other), 404, "not_found")
    is_problem(await http.get(accepted["generation"]["events"], headers=other), 404, "not_found")
    is_problem(await http.delete(f"{STORIES}/{accepted['story']['id']}", headers=other), 404, "not_found")
    assert (await http.delete(f"{STORIES}/{accepted['story']['id']}", headers=reader)).status_code == 204
    is_problem(await http.get(f"{STORIES}/{accepted['story']['id']}", headers=reader), 404, "not_found")
    assert world.writer.calls == 1


async def test_a_story_that_is_no_longer_the_latest_is_told_anew(
    post: Post, http: httpx2.AsyncClient, reader: dict[str, str]
) -> None:
    await post("key-1", Accept="text/event-stream")
    path = f"{STORIES}/{(await http.get(f'{STORIES}/latest', headers=reader)).json()['id']}"
    before = await http.get(path, headers=reader)
    known = {**reader, "If-None-Match": before.headers["etag"]}
    assert (await http.get(f"{STORIES}/latest", headers=known)).status_code == 304
    await post("key-2", Accept="text/event-stream")
    after = await http.get(path, headers=known)
    assert (before.json()["is_latest"], after.status_code, after.json()["is_latest"]) == (True, 200, False)
    assert (await http.get(path, headers={**reader, "If-None-Match": after.headers["etag"]})).status_code == 304


async def test_pages_follow_their_cursor(post: Post, http: httpx2.AsyncClient, reader: dict[str, str]) -> None:
    for number in range(3):
        await post(f"key-{number}", Accept="text/event-stream")
    first = (await http.get(STORIES, params={"limit": 2}, headers=reader)).json()
    second = (await http.get(STORIES, params={"limit": 2, "cursor": first["next_cursor"]}, headers=reader)).json()
    assert (len(first["items"]), len(second["items"]), second["next_cursor"]) == (2, 1, None)
    assert len({item["id"] for item in first["items"] + second["items"]}) == 3


async def test_cancel_answers_how_it_ended(
    post: Post, http: httpx2.AsyncClient, world: World, reader: dict[str, str]
) -> None:
    world.writer.scripts = [[asyncio.Event(), *in_pieces(STORY_TEXT)]]
    generation = (await post()).json()["generation"]["id"]
    answer = await http.post(f"/story/v1/generations/{generation}/cancel", headers=reader)
    assert answer.status_code == 202
    assert (answer.json()["state"], answer.json()["billing"], answer.json()["price"]) == ("cancelled", "released", 0)
    is_problem(await http.post(f"/story/v1/generations/{generation}/cancel", headers=reader), 409, "already_closed")
    is_problem(await http.post(f"/story/v1/generations/{uuid4()}/cancel", headers=reader), 404, "not_found")


async def test_an_admin_sees_numbers_and_no_text(post: Post, http: httpx2.AsyncClient, issuer: TestIssuer) -> None:
    await post(Accept="text/event-stream")
    path, service = f"/internal/v1/usage/{READER}", {"Authorization": f"Bearer {issuer.service('story/admin')}"}
    acting = {**service, "X-Actor-Token": issuer.reader(UUID(int=9), groups=["admin"])}
    answer = await http.get(path, headers=acting)
    assert answer.status_code == 200
    assert answer.json()["totals"] == {"stories": 1, "tokens": 460, "cost_micros": 815}
    assert answer.json()["generations"][0]["state"] == "succeeded"
    assert "keeper" not in answer.text.lower()
    is_problem(await http.get(path, headers=service), 401, "unauthenticated")
    is_problem(await http.get(path, headers={**service, "X-Actor-Token": issuer.reader()}), 403, "forbidden")
    weak = {**acting, "Authorization": f"Bearer {issuer.service('payment/access')}"}
    is_problem(await http.get(path, headers=weak), 403, "forbidden")
    person = {**acting, "Authorization": f"Bearer {issuer.reader(groups=['admin'])}"}
    is_problem(await http.get(path, headers=person), 401, "token_invalid")


async def test_no_public_route_answers_without_a_token(app: FastAPI, http: httpx2.AsyncClient) -> None:
    for path, operations in app.openapi()["paths"].items():
        for method in operations:
            url = path.replace("{story_id}", str(uuid4())).replace("{generation_id}", str(uuid4()))
            url = url.replace("{user_id}", str(uuid4())).replace("{character_id}", str(uuid4()))
            answer = await http.request(method, url, json=WISH, headers={"Idempotency-Key": "k"})
            assert answer.status_code == 401, (method, path)


def test_every_refusal_has_a_face() -> None:
    assert set(Refusal.__subclasses__()) == {kind for kind in PROBLEMS if issubclass(kind, Refusal)}
    assert not set(PROBLEMS) & set(AUTH_PROBLEMS)
