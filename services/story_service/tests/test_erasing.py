"""Whoever is erased leaves numbers and hashes, and, without its author, what others rest upon."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from common_events.envelope import Envelope
from common_service.database import Database
from common_service.ids import uuid7
from services.story_service.tests.chat_worlds import ChatWorld
from services.story_service.tests.worlds import NOON, OTHER, READER, STORY_TEXT, CountedWork, story_of
from story_service.application.erasing.erase_readers import EraseReaders
from story_service.domain.generation import State
from story_service.infrastructure.erasing.parts import NOBODY, PARTS
from story_service.infrastructure.erasing.work import SqlErasureWork
from story_service.infrastructure.tables import Row
from story_service.infrastructure.user_events import user_handlers

pytestmark = pytest.mark.anyio
SECRET = "Quillon"
CHARACTER, PRIVATE, SHARED = uuid7(), uuid7(), uuid7()
KEPT = {
    *("generations", "reservations", "usage_windows", "ledger_entries", "ledger_heads", "credit_grants"),
    *("moderation_decisions", "outbox", "erasures"),
}
SEED = """
INSERT INTO story.characters (id, owner_id, name, kind, role, personality, visibility, moderation_status, created_at,
  updated_at)
SELECT id, :reader, :secret, 'custom', :secret, :secret, 'public', 'approved', :now, :now
FROM unnest(ARRAY[:character, :unused]) AS id;
INSERT INTO story.catalog_entries (type, id, title, key, summary, changed_at)
VALUES ('character', :character, :secret, 'quillon', '', :now), ('story', :story, :secret, 'quillon', '', :now);
INSERT INTO story.cases (id, owner_id, title, summary, truth_mode, status, visibility, language, moderation_status,
  last_ref_no, version, created_at, updated_at)
SELECT id, :reader, 'A case', '', 'documented', 'open', 'public', 'en', 'approved', 0, 1, :now, :now
FROM unnest(ARRAY[:private, :shared]) AS id;
INSERT INTO story.conversations (id, user_id, title, active_at, created_at)
VALUES (:talk, :reader, :secret, :now, :now), (:other_talk, :other, :secret, :now, :now);
INSERT INTO story.conversation_characters (conversation_id, character_id, seat) VALUES (:other_talk, :character, 1);
INSERT INTO story.memories (id, user_id, scope, trigger_keys, content, pinned, enabled, priority, created_at)
VALUES (:memory, :reader, 'user', '{}', :secret, false, true, 100, :now);
INSERT INTO story.moderation_cases (id, kind, target_type, target_id, subject_user_id, opened_by, reason, statement,
  state, due_at, created_at, version)
VALUES (:report, 'report', 'story', :memory, :other, :reader, 'hate', :secret, 'open', :now, :now, 1),
  (:flag, 'flag', 'story', :memory, :reader, NULL, NULL, '', 'open', :now, :now, 1);
INSERT INTO story.story_views (story_id, viewer_id, viewed_on) VALUES (:story, :reader, '2026-11-21');
UPDATE story.stories SET publish_state = 'published', published_at = :now, moderation_status = 'approved',
  case_id = CASE WHEN user_id = :other THEN CAST(:shared AS uuid) END,
  origin = CASE WHEN user_id = :other THEN 'cloned' ELSE origin END, parent_title = :secret,
  parent_story_id = CASE WHEN user_id = :other THEN CAST(:story AS uuid) END
WHERE user_id IS NOT NULL;
"""


async def rows(database: Database, query: str, **values: Any) -> Sequence[Any]:
    async with CountedWork(database) as work:
        return (await work.session.execute(text(query), values)).all()


async def holding(database: Database, words: str) -> set[str]:
    """Return the tables that hold these words anywhere."""
    somewhere = "SELECT 1 FROM {0} AS t WHERE t::text LIKE '%' || :words || '%' LIMIT 1"
    tables = Row.metadata.tables.values()
    return {table.name for table in tables if await rows(database, somewhere.format(table), words=words)}


async def seeded(database: Database) -> ChatWorld:
    """Let a reader leave something in every room, some of it under what somebody else has."""
    world = ChatWorld(database)
    mine = await world.ended(await world.ask(prompt=SECRET))
    await world.ended(await world.ask("theirs", user_id=OTHER))
    values = {
        "reader": READER,
        "other": OTHER,
        "now": NOON,
        "story": story_of(mine),
        "secret": SECRET,
        "character": CHARACTER,
        "unused": uuid7(),
        "private": PRIVATE,
        "shared": SHARED,
        "memory": uuid7(),
        "talk": uuid7(),
        "other_talk": uuid7(),
        "report": uuid7(),
        "flag": uuid7(),
    }
    async with CountedWork(database) as work:
        for statement in SEED.split(";\n"):
            if statement.strip():
                named = {name: value for name, value in values.items() if f":{name}" in statement}
                await work.session.execute(text(statement), named)
        await work.commit()
    return world


def erasing(world: ChatWorld, database: Database) -> EraseReaders:
    parts = world.engine
    return EraseReaders(lambda: SqlErasureWork(database), parts.close, parts.runs, parts.live, world.clock, at_once=1)


async def leaves(database: Database, status: str = "erased") -> None:
    """Have user_service's fact handled as the consumer does."""
    data = {"status": status, "version": 3, "changed": ["status"]}
    envelope = Envelope(uuid7(), "user.updated", "user", 1, READER, NOON, str(READER), 3, None, None, None, data)
    async with SqlErasureWork(database) as work:
        await user_handlers()["user.updated"](work.session, envelope)
        await work.commit()


async def test_nothing_that_names_a_reader_is_left_but_the_books(database: Database) -> None:
    world = await seeded(database)
    assert {"stories", "memories", "cases", "characters", "story_views"} <= await holding(database, str(READER))
    world.writer.scripts = [[asyncio.Event()]]
    open_one = await world.ask("open", prompt=SECRET)
    await world.until_called()
    await leaves(database)
    erase, rounds = erasing(world, database), 0
    while await erase():
        rounds += 1
    assert rounds > len(PARTS)
    assert await holding(database, str(READER)) <= KEPT
    assert await holding(database, SECRET) == {"conversations"}, "somebody else's"
    stopped = await world.generation(open_one.id)
    assert (stopped.state, stopped.price, stopped.request) == (State.CANCELLED, 0, {})
    assert (await world.use.ledger.verify(READER)).is_sound
    [erasure] = await rows(database, "SELECT counts, done_at FROM story.erasures")
    assert erasure.done_at is not None
    assert (erasure.counts["stories"], erasure.counts["cases"], erasure.counts["memories"]) == (2, 1, 1)


async def test_what_others_rest_upon_stays_without_its_author(database: Database) -> None:
    world = await seeded(database)
    await leaves(database)
    while await erasing(world, database)():
        pass
    cases = await rows(database, "SELECT id, owner_id FROM story.cases WHERE id = ANY(:ids)", ids=[PRIVATE, SHARED])
    assert [(row.id, row.owner_id) for row in cases] == [(SHARED, None)]
    [character] = await rows(database, "SELECT * FROM story.characters WHERE id = :id", id=CHARACTER)
    assert (character.owner_id, character.name, character.personality) == (NOBODY, "Removed", "")
    [copy] = await rows(database, "SELECT * FROM story.stories WHERE user_id = :other", other=OTHER)
    assert (copy.parent_title, copy.body) == ("", STORY_TEXT.partition("\n\n")[2].strip())
    shown = "SELECT type FROM story.catalog_entries WHERE visibility = 'public' AND id = ANY(:ids)"
    assert await rows(database, shown, ids=[CHARACTER, copy.parent_story_id]) == []


async def test_who_is_only_leaving_may_come_back_and_who_is_gone_is_erased_once(database: Database) -> None:
    world = await seeded(database)
    await leaves(database, "erasing")
    assert await erasing(world, database)() is False
    for _ in range(2):
        await leaves(database)
        while await erasing(world, database)():
            pass
    purged = await rows(database, "SELECT payload FROM story.outbox WHERE type = 'story.purged'")
    assert [row.payload["count"] for row in purged] == [1]
