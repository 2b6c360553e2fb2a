"""Conversations about a case: what is remembered of it, and what replies claim without a source."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from common_auth.testing import TestIssuer
from common_service.database import Database
from services.story_service.tests.a_case import a_head, a_source
from services.story_service.tests.chat_worlds import MEMORIES, ChatClient, ChatWorld, refused
from services.story_service.tests.test_chat_turns import ended, turn
from services.story_service.tests.worlds import OTHER
from story_service.domain.cases.case_file import CaseFile
from story_service.domain.cases.changes import Change
from story_service.domain.pricing import Usage

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(database: Database) -> AsyncIterator[ChatWorld]:
    world = ChatWorld(database)
    yield world
    await world.engine.runs.drain(0)


@pytest.fixture
async def reader(world: ChatWorld, issuer: TestIssuer) -> AsyncIterator[ChatClient]:
    async with world.client(issuer) as client:
        yield client


async def test_a_memory_of_a_case_comes_up_in_conversations_about_it(reader: ChatClient, world: ChatWorld) -> None:
    head, other = a_head(), replace(a_head(), owner_id=OTHER)
    async with world.start_chat() as work:
        await work.cases.add(head)
        await work.cases.add(other)
        await work.commit()
    wish = {"content": "I never trusted Vane.", "case_id": str(head.id)}
    made = (await reader.send("POST", MEMORIES, wish)).json()
    assert (made["scope"], made["case_id"], made["conversation_id"]) == ("case", str(head.id), None)
    about, elsewhere = await reader.open(case_id=str(head.id)), await reader.open()
    for conversation, comes_up in ((about, True), (elsewhere, False)):
        world.writer.asked.clear()
        await ended(world, await turn(reader, conversation, "Who was it?"))
        assert ("I never trusted Vane." in str(world.writer.asked[0][1])) is comes_up
    assert [one["id"] for one in (await reader.get(MEMORIES, scope="case", scope_id=str(head.id)))["items"]] == [
        made["id"]
    ]
    assert refused(await reader.send("POST", MEMORIES, {**wish, "case_id": str(other.id)})) == (404, "not_found")
    both = {**wish, "conversation_id": about["id"]}
    assert refused(await reader.send("POST", MEMORIES, both)) == (422, "validation_failed")


async def test_a_reply_about_a_case_says_how_much_of_it_no_source_says(reader: ChatClient, world: ChatWorld) -> None:
    source = a_source()
    head = a_head(last_ref_no=1)
    async with world.start_chat() as work:
        await work.cases.add(head)
        await work.cases.keep(Change(CaseFile(head, (source,)), sources=(source,)))
        await work.commit()
    about = await reader.open(case_id=str(head.id))
    said = "The police came at 9 [1]. A court heard 12 witnesses. Three were lying [7]. I remember the rain."
    world.writer.scripts = [[said, Usage(60, 40)]]
    [generation] = await ended(world, await turn(reader, about, "What happened?"))
    done = json.loads((await world.log(generation))[-1].data)
    reply, question, *_ = await reader.messages(about)
    assert (done["uncited_claims"], reply["uncited_claims"], question["uncited_claims"]) == (1, 1, None)
    elsewhere = await reader.open()
    [generation] = await ended(world, await turn(reader, elsewhere, "What happened?"))
    assert "uncited_claims" not in json.loads((await world.log(generation))[-1].data)
    assert (await reader.messages(elsewhere))[0]["uncited_claims"] is None
