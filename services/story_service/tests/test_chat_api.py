"""Chat through its routes, on a real Postgres."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from common_auth.testing import TestIssuer
from common_service.database import Database
from common_service.ids import uuid7
from services.story_service.tests.chat_worlds import CHATS, HOUSE, MEMORIES, ChatClient, ChatWorld, chat_plan, refused
from services.story_service.tests.plans import scans_a_table
from services.story_service.tests.worlds import NOON, OTHER, READER, UNSAFE, no_plan
from story_service.application.chat.change_conversation import PurgeConversations
from story_service.application.chat.ports import ConversationFilter
from story_service.domain.chat.ids import ConversationId, MessageId
from story_service.infrastructure.chat.work import SqlChatWork

pytestmark = pytest.mark.anyio


@pytest.fixture
def world(database: Database) -> ChatWorld:
    return ChatWorld(database)


@pytest.fixture
async def reader(world: ChatWorld, issuer: TestIssuer) -> AsyncIterator[ChatClient]:
    async with world.client(issuer) as client:
        yield client


@pytest.fixture
async def other(world: ChatWorld, issuer: TestIssuer) -> AsyncIterator[ChatClient]:
    async with world.client(issuer, OTHER) as client:
        yield client


def contents(messages: list[Any]) -> list[str]:
    return [message["content"] for message in messages]


async def test_opened_listed_renamed_archived_deleted(reader: ChatClient, world: ChatWorld) -> None:
    one = await reader.open()
    assert (one["kind"], one["character_ids"], one["version"]) == ("single", HOUSE[:1], 1)
    [greeting] = await reader.messages(one)
    assert (greeting["author"], greeting["id"]) == ("character", one["head_message_id"])
    world.clock.now += timedelta(minutes=1)
    group = await reader.open(*HOUSE[:3], title="The 50% Club")
    assert (group["kind"], group["message_count"]) == ("group", 0)
    await reader.open(temporary=True)
    page = await reader.get(CHATS, limit=1)
    assert [item["id"] for item in page["items"]] == [group["id"]]
    assert [item["id"] for item in (await reader.get(CHATS, limit=1, cursor=page["next_cursor"]))["items"]] == [
        one["id"]
    ]
    assert [item["id"] for item in (await reader.get(CHATS, q="0% c"))["items"]] == [group["id"]]
    path = f"{CHATS}/{group['id']}"
    edited = await reader.send("PATCH", path, {"title": "Cold", "archived": True}, If_Match='"1"')
    assert (edited.status_code, edited.headers["etag"]) == (200, '"2"')
    assert refused(await reader.send("PATCH", path, {"title": "X"}, If_Match='"1"')) == (412, "version_conflict")
    assert refused(await reader.send("PATCH", path, {"title": "X"})) == (428, "precondition_required")
    seated = await reader.send("PATCH", path, {"character_ids": HOUSE[3:5]}, If_Match='"2"')
    assert (seated.json()["character_ids"], seated.json()["title"]) == (HOUSE[3:5], "Cold")
    assert (await reader.get(path)) == seated.json()
    assert [item["id"] for item in (await reader.get(CHATS))["items"]] == [one["id"]]
    assert [item["id"] for item in (await reader.get(CHATS, archived=True))["items"]] == [group["id"]]
    assert (await reader.send("DELETE", path)).status_code == 204
    assert refused(await reader.send("DELETE", path)) == (404, "not_found")


async def test_the_plan_decides_and_each_conversation_is_counted(reader: ChatClient, world: ChatWorld) -> None:
    body = {"character_ids": HOUSE[:1]}
    world.subscriptions.plan = no_plan()
    assert refused(await reader.send("POST", CHATS, body)) == (402, "subscription_required")
    world.subscriptions.plan = chat_plan(chats=2)
    answers = await asyncio.gather(*(reader.send("POST", CHATS, body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 429, 429, 429]
    [refusal, *_] = [answer for answer in answers if answer.status_code == 429]
    assert {**refusal.json(), "meter": "chats.day", "limit": 2, "used": 2} == refusal.json()
    one = (await reader.get(CHATS))["items"][0]
    assert refused(await reader.send("POST", f"{CHATS}/{one['id']}/fork", {})) == (429, "quota_exceeded")
    assert (await world.settled())["chats.day"] == 2, "ledger and windows agree"


async def test_the_same_key_opens_one(reader: ChatClient, world: ChatWorld) -> None:
    again = {"Idempotency_Key": "again"}
    answers = [await reader.send("POST", CHATS, {"character_ids": HOUSE[:1]}, **again) for _ in range(3)]
    assert len({answer.content for answer in answers}) == 1
    assert [answer.headers.get("idempotent-replayed") for answer in answers] == [None, "true", "true"]
    other = await reader.send("POST", CHATS, {"character_ids": HOUSE[:2]}, **again)
    assert refused(other) == (422, "idempotency_key_reused")
    assert (await world.settled())["chats.day"] == 1


async def test_what_is_another_readers_is_not_there(reader: ChatClient, other: ChatClient) -> None:
    one, memory = await reader.open(), await reader.send("POST", MEMORIES, {"content": "Hers."})
    path, message = f"{CHATS}/{one['id']}", f"/story/v1/messages/{one['head_message_id']}"
    calls = [
        ("GET", path, None),
        ("GET", f"{path}/messages", None),
        ("GET", f"{path}/suggestions", None),
        ("DELETE", path, None),
        ("PUT", f"{path}/head", {"message_id": one["head_message_id"]}),
        ("POST", f"{path}/fork", {}),
        ("PATCH", message, {"content": "Mine"}),
        ("DELETE", message, None),
        ("PUT", f"{message}/pin", {"pinned": True}),
        ("PUT", f"{message}/reaction", {"value": 1}),
        ("PATCH", f"{MEMORIES}/{memory.json()['id']}", {"content": "Mine"}),
        ("DELETE", f"{MEMORIES}/{memory.json()['id']}", None),
        ("POST", CHATS, {"character_ids": [str(uuid4())]}),
        ("POST", MEMORIES, {"content": "Here", "conversation_id": one["id"]}),
    ]
    for method, where, body in calls:
        assert refused(await other.send(method, where, body)) == (404, "not_found"), (method, where)
    assert refused(await other.send("PATCH", path, {"title": "Mine"}, If_Match='"1"')) == (404, "not_found")


async def test_an_edit_is_a_branch_and_nothing_is_rewritten(reader: ChatClient, world: ChatWorld) -> None:
    one = await reader.open()
    first, second, third = await world.said(one, "first", "second", "third")
    again = {"Idempotency_Key": "edit"}
    edits = [await reader.send("PATCH", f"/story/v1/messages/{second}", {"content": "other"}, **again) for _ in "ab"]
    assert [answer.status_code for answer in edits] == [200, 200]
    assert {**edits[1].json(), "id": edits[0].json()["id"], "content": "other"} == edits[1].json()
    assert edits[1].headers["idempotent-replayed"] == "true"
    branch = await reader.messages(one, limit=1)
    assert contents(branch)[:2] == ["other", "first"]
    assert branch[0]["siblings"] == [second, edits[0].json()["id"]]
    assert branch[0]["parent_id"] == first
    moved = await reader.send("PUT", f"{CHATS}/{one['id']}/head", {"message_id": third})
    assert moved.json()["head_message_id"] == third
    assert contents(await reader.messages(one, limit=2))[:3] == ["third", "second", "first"]
    assert contents(await reader.messages(one, branch="all", limit=2))[:4] == ["other", "third", "second", "first"]
    greeting = f"/story/v1/messages/{one['head_message_id']}"
    assert refused(await reader.send("PATCH", greeting, {"content": "x"})) == (409, "not_editable")
    unsafe = await reader.send("PATCH", f"/story/v1/messages/{first}", {"content": UNSAFE})
    assert refused(unsafe) == (422, "input_blocked")
    elsewhere = await reader.open()
    lost = {"message_id": elsewhere["head_message_id"]}
    assert refused(await reader.send("PUT", f"{CHATS}/{one['id']}/head", lost)) == (409, "not_in_conversation")
    assert refused(await reader.send("POST", f"{CHATS}/{one['id']}/fork", lost)) == (409, "not_in_conversation")


async def test_pinned_liked_deleted(reader: ChatClient, world: ChatWorld) -> None:
    one = await reader.open()
    first, second = await world.said(one, "first", "second")
    path = f"/story/v1/messages/{first}"
    assert (await reader.send("PUT", f"{path}/pin", {"pinned": True})).status_code == 204
    for value in (1, -1):
        assert (await reader.send("PUT", f"{path}/reaction", {"value": value, "reason": "so"})).status_code == 204
    message = (await reader.messages(one))[1]
    assert (message["pinned"], message["reaction"]) == (True, -1)
    assert (await reader.send("DELETE", path)).status_code == 204
    _, message, _ = await reader.messages(one)
    assert (message["content"], message["state"], message["pinned"], message["reaction"]) == ("", "deleted", False, 0)
    assert refused(await reader.send("PUT", f"{path}/pin", {"pinned": True})) == (404, "not_found")
    assert refused(await reader.send("PATCH", path, {"content": "x"})) == (404, "not_found")
    more = await world.said(one, *map(str, range(20)))
    pins = [await reader.send("PUT", f"/story/v1/messages/{more_id}/pin", {"pinned": True}) for more_id in more]
    assert {answer.status_code for answer in pins} == {204}
    assert refused(await reader.send("PUT", f"/story/v1/messages/{second}/pin", {"pinned": True})) == (
        409,
        "too_many_pins",
    )


async def test_a_fork_is_a_copy_of_the_branch(reader: ChatClient, world: ChatWorld) -> None:
    one = await reader.open(title="Origin")
    ids = await world.said(one, *(f"m{number}" for number in range(9)))
    await world.said(one, "elsewhere", parent=ids[0])
    fork = (await reader.send("POST", f"{CHATS}/{one['id']}/fork", {"message_id": ids[7]})).json()
    assert (fork["forked_from"], fork["title"], fork["message_count"]) == (one["id"], "Origin", 9)
    copied, original = await reader.messages(fork), await reader.messages(one, branch="all")
    assert contents(copied)[:-1] == [f"m{number}" for number in range(7, -1, -1)]
    assert not {message["id"] for message in copied} & {message["id"] for message in original}
    async with world.start_chat() as work:
        branch = await work.messages.branch(MessageId(UUID(fork["head_message_id"])), most=100)
    by_id = {message.id: message for message in branch}
    for message in branch:
        assert by_id[message.place.jump_id].place.depth == message.place.jump_depth
    await world.said(fork, "on")
    assert (await reader.messages(fork))[0]["seq"] == 10


async def test_memories_up_to_the_plan(reader: ChatClient, world: ChatWorld) -> None:
    one = await reader.open()
    note = {"content": "The boat is blue.", "trigger_keys": ["boat"], "conversation_id": one["id"], "priority": 3}
    made = await reader.send("POST", MEMORIES, note, Idempotency_Key="k")
    assert (made.status_code, {**made.json(), **note, "scope": "conversation"}) == (201, made.json())
    assert (await reader.send("POST", MEMORIES, note, Idempotency_Key="k")).content == made.content
    path = f"{MEMORIES}/{made.json()['id']}"
    edited = await reader.send("PATCH", path, {"enabled": False, "trigger_keys": []})
    assert edited.json() == {**made.json(), "enabled": False, "trigger_keys": []}
    assert refused(await reader.send("PATCH", path, {"content": UNSAFE})) == (422, "input_blocked")
    world.subscriptions.plan = chat_plan(memories=3)
    more = await asyncio.gather(*(reader.send("POST", MEMORIES, {"content": str(n)}) for n in range(5)))
    assert sorted(answer.status_code for answer in more) == [201, 201, 402, 402, 402]
    everywhere = await reader.get(MEMORIES, scope="user", limit=1)
    assert len(everywhere["items"]) == 1
    assert everywhere["next_cursor"]
    assert (await reader.get(MEMORIES, scope_id=one["id"]))["items"] == [edited.json()]
    assert (await reader.send("DELETE", path)).status_code == 204
    assert refused(await reader.send("PATCH", path, {})) == (404, "not_found")
    world.subscriptions.plan = chat_plan(memories=0)
    assert refused(await reader.send("POST", MEMORIES, {"content": "x"})) == (402, "subscription_required")


async def test_what_was_deleted_is_gone_after_30_days(reader: ChatClient, world: ChatWorld) -> None:
    one, left = await reader.open(), await reader.open(temporary=True)
    await world.said(one, "a lighthouse keeper called Quillon")
    await reader.send("POST", MEMORIES, {"content": "Quillon again", "conversation_id": one["id"]})
    await reader.send("DELETE", f"{CHATS}/{one['id']}")
    somewhere = "SELECT 1 FROM story.{0} AS t WHERE t::text LIKE '%Quillon%'"
    purge = PurgeConversations(world.start_chat, world.clock)
    world.clock.now += timedelta(days=1, seconds=1)
    await purge()
    gone = await reader.send("GET", f"{CHATS}/{left['id']}")
    assert refused(gone) == (404, "not_found")
    world.clock.now += timedelta(days=30, seconds=1)
    assert await purge() is False
    async with world.start_chat() as work:
        assert isinstance(work, SqlChatWork)
        for table in ("conversations", "messages", "memories", "idempotency_keys", "outbox"):
            words = text(somewhere.format(table))
            assert (await work.session.execute(words)).all() == [], table
        assert (await work.session.execute(text("SELECT count(*) FROM story.conversations"))).scalar() == 0


async def test_a_page_costs_the_same_however_long_the_conversation(reader: ChatClient, world: ChatWorld) -> None:
    one = await reader.open()
    ids = await world.said(one, *map(str, range(200)))
    async with world.start_chat() as work:
        assert isinstance(work, SqlChatWork)
        found = await work.conversations.find(ConversationId(UUID(one["id"])))
        head = await work.messages.find(MessageId(UUID(ids[-1])))
        assert found is not None
        assert head is not None
        messages, listed = work.messages, ConversationFilter(words="a")
        assert await scans_a_table(work, lambda: messages.branch(head.id, most=21)) == 1
        assert await scans_a_table(work, lambda: messages.newest(found.id, before=100, most=21), sorts=False) == 1
        assert await scans_a_table(work, lambda: messages.shown(READER, [head])) == 2
        assert await scans_a_table(work, lambda: messages.pins_of(found.id)) == 1
        assert await scans_a_table(work, lambda: messages.is_answering(found.id)) == 1
        page = lambda: work.conversations.of(READER, listed, before=(NOON, found.id), most=21)  # noqa: E731
        assert await scans_a_table(work, page, sorts=False) == 1
        assert await scans_a_table(work, lambda: work.memories.number_of(READER)) == 1
    assert len(await reader.get(f"{CHATS}/{one['id']}/messages", limit=100)) == 2


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHATS, {"character_ids": []}),
        (CHATS, {"character_ids": [*HOUSE]}),
        (CHATS, {"character_ids": HOUSE[:1], "title": "a\nb"}),
        (CHATS, {"character_ids": HOUSE[:1], "more": 1}),
        (MEMORIES, {"content": ""}),
        (MEMORIES, {"content": "a\x00"}),
        (MEMORIES, {"content": "x", "trigger_keys": [" "]}),
        (MEMORIES, {"content": "x", "priority": 1.5}),
    ],
)
async def test_what_does_not_fit_is_422(reader: ChatClient, path: str, body: Any) -> None:
    assert refused(await reader.send("POST", path, body)) == (422, "validation_failed")


async def test_a_conversation_comes_back_as_it_was_kept(world: ChatWorld, reader: ChatClient) -> None:
    one = await reader.open(*HOUSE[:2])
    async with world.start_chat() as work:
        found = await work.conversations.find(ConversationId(UUID(one["id"])))
        assert found is not None
        changed = replace(
            found,
            title="T",
            archived_at=NOON,
            version=7,
            temporary=True,
            message_count=3,
            head_id=MessageId(uuid7()),
            forked_from=ConversationId(uuid7()),
            active_at=NOON + timedelta(days=1),
            character_ids=found.character_ids[::-1],
        )
        await work.conversations.keep(changed)
        assert await work.conversations.find(found.id) == changed
