"""Whatever is paid for can be priced before: a turn of a conversation, a continuation, an analysis."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI

from common_auth.testing import TestIssuer
from common_service.database import Database
from services.story_service.tests.case_worlds import CASES, WISH, CaseWorld, posted
from services.story_service.tests.chat_worlds import CHATS, HOUSE, MEMORIES, ChatClient, ChatWorld, chat_plan, refused
from services.story_service.tests.test_analysing import reply
from services.story_service.tests.worlds import READER, World, no_plan, with_shelf

pytestmark = pytest.mark.anyio
QUOTES = "/story/v1/quotes"


@pytest.fixture
def chat(database: Database) -> ChatWorld:
    return ChatWorld(database)


@pytest.fixture
async def reader(chat: ChatWorld, issuer: TestIssuer) -> AsyncIterator[ChatClient]:
    async with chat.client(issuer) as client:
        yield client


async def quoted(http: httpx2.AsyncClient, **call: Any) -> Any:
    answer = await http.post(QUOTES, json=call)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_turn_costs_at_most_what_was_quoted_for_all_its_replies(chat: ChatWorld, reader: ChatClient) -> None:
    talk = await reader.open(*HOUSE[:2])
    saying = {"content": f"What do you both think, {talk['title']}?"}
    told = await quoted(reader.http, kind="message", conversation_id=talk["id"], **saying)
    turn = (await reader.send("POST", f"{CHATS}/{talk['id']}/messages", saying)).json()
    taken = [one["generation"]["quote"]["meters"]["tokens.month"]["max"] for one in turn["replies"]]
    assert (told["allowed"], told["price"]) == (True, sum(taken))
    assert refused(await reader.http.post(QUOTES, json={"kind": "retry", "message_id": turn["message"]["id"]})) == (
        409,
        "generation_running",
    )
    await chat.engine.runs.drain(5)
    again = await quoted(reader.http, kind="retry", message_id=turn["replies"][0]["message_id"])
    assert again["allowed"]
    chat.subscriptions.plan = no_plan()
    told = await quoted(reader.http, kind="message", conversation_id=talk["id"], content="And now?")
    assert (told["allowed"], told["refusal"]["code"]) == (False, "subscription_required")
    chat.subscriptions.plan = chat_plan()
    told = await quoted(reader.http, kind="message", conversation_id=talk["id"], content="And now?", max_price=1)
    assert told["refusal"]["code"] == "max_price_exceeded"


async def test_what_cannot_be_done_is_answered_as_the_call_would_be(reader: ChatClient) -> None:
    nothing = str(uuid4())
    for call, answer in [
        ({"kind": "message", "conversation_id": nothing, "content": "Hello?"}, (404, "not_found")),
        ({"kind": "retry", "message_id": nothing}, (404, "not_found")),
        ({"kind": "continuation", "story_id": nothing, "version": 1}, (404, "not_found")),
        ({"kind": "analysis", "story_id": nothing, "kinds": ["summary"]}, (404, "not_found")),
        ({"kind": "message", "content": "Hello?"}, (422, "validation_failed")),
        ({"kind": "poem", "prompt": "Hello?"}, (422, "validation_failed")),
        ({"prompt": "Hello?", "version": 1}, (422, "validation_failed")),
    ]:
        assert refused(await reader.http.post(QUOTES, json=call)) == answer, call


async def test_going_on_and_asking_about_a_story_have_their_prices(
    world: World, app: FastAPI, issuer: TestIssuer
) -> None:
    world.subscriptions.plan = with_shelf()
    story = str((await world.ended(await world.ask())).target.id)
    own = {"Authorization": f"Bearer {issuer.reader(READER)}"}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://story", headers=own) as http:
        at = (await http.get(f"/story/v1/stories/{story}")).json()["version"]
        on = {"version": at, "instruction": "It rains"}
        told = await quoted(http, kind="continuation", story_id=story, **on)
        call = await http.post(f"/story/v1/stories/{story}/continue", json=on, headers={"Idempotency-Key": "on"})
        assert call.json()["generation"]["quote"]["meters"] == told["meters"]
        await world.engine.runs.drain(5)
        asked = {"kinds": ["characters"]}
        told = await quoted(http, kind="analysis", story_id=story, **asked)
        world.writer.scripts = [reply("characters")]
        call = await http.post(f"/story/v1/stories/{story}/analyses", json=asked, headers={"Idempotency-Key": "ask"})
        assert call.json()["generation"]["quote"]["meters"] == told["meters"]
        await world.engine.runs.drain(5)
        known = await quoted(http, kind="analysis", story_id=story, **asked)
        assert (known["allowed"], known["price"], known["meters"]) == (True, 0, {})


async def test_changing_files_memories_and_messages_is_limited(
    database: Database, issuer: TestIssuer, reader: ChatClient
) -> None:
    answers = [(await reader.send("POST", MEMORIES, {"content": "Likes rain."})) for _ in range(2)]
    assert {int(answer.headers["ratelimit-remaining"]) for answer in answers} == {299, 298}
    app = CaseWorld(database, rates={"story.add_source": "1/minute"}).app(issuer)
    own = {"Authorization": f"Bearer {issuer.reader(READER)}"}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://story", headers=own) as http:
        made = (await posted(http, CASES, WISH)).json()
        source = {"kind": "news", "title": "The Herald"}
        codes = [(await posted(http, f"{CASES}/{made['id']}/sources", source, f"k{n}")).status_code for n in range(2)]
        assert codes == [201, 429]
        assert (await http.get(f"{CASES}/{made['id']}")).status_code == 200
