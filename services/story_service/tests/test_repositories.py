"""What goes into a store comes back whole; what guards money guards it in the database too."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError

from common_service.database import Database
from common_service.ids import uuid7
from services.story_service.tests.memory import MODELS
from services.story_service.tests.worlds import (
    NOON,
    OTHER,
    READER,
    CountedWork,
    World,
    a_generation,
    a_story,
    stored,
    story_of,
)
from story_service.application.attempts import AttemptKey
from story_service.application.ports import Acceptance, StartWork
from story_service.domain.drafts import delta
from story_service.domain.generation import Billing, Ending, State
from story_service.domain.ids import DecisionId, ReservationId, StoryId
from story_service.domain.moderation import Decision, digest
from story_service.domain.pricing import Bill, Usage
from story_service.domain.story import Story
from story_service.domain.usage import Line, Meter, Window
from story_service.infrastructure.tables import LineRow

pytestmark = pytest.mark.anyio
DAY = Window(NOON.replace(hour=0), NOON.replace(day=22, hour=0))


async def test_a_generation_comes_back_as_it_was_kept(start_work: StartWork) -> None:
    generation = a_generation()
    await stored(start_work, generation)
    async with start_work() as work:
        assert await work.generations.find(generation.id) == generation
        leased = await work.generations.lease(generation.id, "me", NOON)
        assert leased is not None
        await work.generations.append(leased, [delta("Word")], NOON + timedelta(seconds=1))
        ending = Ending(State.SUCCEEDED, usage=Usage(3, 4, estimated=True))
        closed = await work.generations.close(leased, ending, Bill(7, 9), NOON + timedelta(seconds=2))
        assert closed is not None
        assert await work.generations.find(generation.id) == closed
    held = replace(leased, last_seq=2, first_token_at=NOON + timedelta(seconds=1))
    assert closed == held.ended(ending, Bill(7, 9), NOON + timedelta(seconds=2))
    assert (leased.state, leased.attempt, leased.fence, leased.started_at) == (State.RUNNING, 1, 1, NOON)


async def test_what_is_not_committed_never_was(start_work: StartWork) -> None:
    generation = a_generation()
    async with start_work() as work:
        await work.generations.add(generation, delta("Word"))
    async with start_work() as work:
        assert await work.generations.find(generation.id) is None


async def test_a_story_comes_back_as_it_was_kept(start_work: StartWork) -> None:
    generation = a_generation()
    await stored(start_work, generation)
    ready = a_story(generation).ready("Title\n\nBody.", tokens=7, cost_micros=9, now=NOON + timedelta(seconds=5))
    async with start_work() as work:
        assert await work.stories.find(story_of(generation)) == a_story(generation)
        await work.stories.keep(ready)
        assert await work.stories.find(story_of(generation)) == ready
        assert await work.stories.latest_of(READER) == ready
        assert await work.stories.latest_of(OTHER) is None


async def three_ready(start_work: StartWork) -> list[Story]:
    stories = []
    for minute in range(3):
        at = NOON + timedelta(minutes=minute)
        generation = a_generation(at=at)
        await stored(start_work, generation)
        async with start_work() as work:
            story = a_story(generation).ready(f"T{minute}\n\nBody.", tokens=1, cost_micros=1, now=at)
            await work.stories.keep(story)
            await work.commit()
        stories.append(story)
    return stories


async def test_one_story_is_the_latest_and_pages_run_backwards(start_work: StartWork) -> None:
    first, second, third = await three_ready(start_work)
    async with start_work() as work:
        page = await work.stories.of(READER, before=None, most=2)
        assert [(story.id, story.is_latest) for story in page] == [(third.id, True), (second.id, False)]
        rest = await work.stories.of(READER, before=(second.created_at, second.id), most=2)
        assert [story.id for story in rest] == [first.id]


async def test_retention_keeps_the_newest_and_what_is_being_written(start_work: StartWork) -> None:
    *_, third = await three_ready(start_work)
    unwritten = a_generation(at=NOON + timedelta(hours=1))
    await stored(start_work, unwritten)
    async with start_work() as work:
        assert await work.stories.purge(READER, 1) == 2
        left = [story.id for story in await work.stories.of(READER, before=None, most=9)]
    assert left == [story_of(unwritten), third.id]


async def test_deleting_the_latest_makes_the_one_before_it_the_latest(start_work: StartWork) -> None:
    _, second, third = await three_ready(start_work)
    async with start_work() as work:
        await work.stories.delete(third, NOON)
        latest = await work.stories.latest_of(READER)
        assert latest is not None
        assert latest.id == second.id
        assert await work.stories.find(third.id) is None


async def test_a_key_is_answered_as_it_was_first(start_work: StartWork) -> None:
    generation = a_generation()
    route, key = "POST /story/v1/stories", AttemptKey("key", b"digest")
    acceptance = Acceptance((replace(generation, request={}),), {"truth_mode": "inspired"})
    async with start_work() as work:
        assert await work.attempts.answer(READER, route, key, NOON) is None
        assert await work.attempts.claim(READER, route, key, NOON) is None
        await work.attempts.keep(READER, route, key, Acceptance((generation,), {"truth_mode": "inspired"}))
        await work.commit()
    async with start_work() as work:
        assert await work.attempts.answer(READER, route, key, NOON) == acceptance
        assert await work.attempts.claim(READER, route, key, NOON) == acceptance
        assert await work.attempts.answer(OTHER, route, key, NOON) is None


async def test_the_limit_holds_in_the_statement(start_work: StartWork) -> None:
    line = Line("stories.day", DAY, 2)
    async with start_work() as work:
        assert await work.usage.reserve(READER, line, 1) is None
        assert await work.usage.reserve(READER, line, 4) == Meter(2, 0)
        assert await work.usage.reserve(READER, line, 4) == Meter(4, 0)
        assert await work.usage.reserve(READER, line, 4) is None
        assert await work.usage.reserve(READER, line, None) == Meter(6, 0)
        assert await work.usage.holding(OTHER, "stories.day", DAY) == Meter()


async def test_a_reservation_is_closed_once(start_work: StartWork) -> None:
    generation, reservation_id = a_generation(), ReservationId(uuid7())
    lines = [Line("stories.day", DAY, 1), Line("tokens.month", DAY, 50)]
    await stored(start_work, generation)
    async with start_work() as work:
        for line in lines:
            await work.usage.reserve(READER, line, None)
        await work.usage.open(reservation_id, generation, lines, NOON)
        assert await work.usage.close(generation.id, settled=True, now=NOON) == (reservation_id, lines)
        assert await work.usage.close(generation.id, settled=True, now=NOON) is None
        settled = replace(lines[1], settled=30)
        assert await work.usage.settle(READER, reservation_id, settled) == Meter(0, 30)


async def test_the_catalog_offers_what_was_seeded(start_work: StartWork) -> None:
    async with start_work() as work:
        for name, model in MODELS.items():
            assert await work.models.offered(name, NOON) == model
        assert await work.models.offered("gpt-9", NOON) is None


async def test_the_database_caps_the_price_itself(database: Database) -> None:
    generation, reservation_id = a_generation(), ReservationId(uuid7())
    await stored(lambda: CountedWork(database), generation)
    async with CountedWork(database) as work:
        await work.usage.open(reservation_id, generation, [Line("tokens.month", DAY, 50)], NOON)
        with pytest.raises(IntegrityError, match="price_cap"):
            await work.session.execute(update(LineRow).values(settled=51))


async def test_no_closed_generation_holds_money(database: Database) -> None:
    generation = a_generation()
    await stored(lambda: CountedWork(database), generation)
    async with CountedWork(database) as work:
        with pytest.raises(IntegrityError, match="closed_holds_no_money"):
            await work.session.execute(text("UPDATE story.generations SET state = 'failed', finished_at = now()"))
    assert generation.billing is Billing.RESERVED


async def test_ledger_and_decisions_cannot_be_rewritten(database: Database, database_url: str) -> None:
    world = World(lambda: CountedWork(database))
    await world.ended(await world.ask())
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        for change in (
            "DELETE FROM story.ledger_entries",
            "UPDATE story.ledger_entries SET amount = 0",
            "DELETE FROM story.moderation_decisions",
            "UPDATE story.moderation_decisions SET verdict = 'allow'",
            "UPDATE story.model_catalog SET weight_milli = 1",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await connection.execute(change)


async def test_facts_are_told_once_a_story(database: Database) -> None:
    world = World(lambda: CountedWork(database))
    generation = await world.ended(await world.ask())
    async with CountedWork(database) as work:
        rows = (await work.session.execute(text("SELECT type, payload FROM story.outbox ORDER BY seq"))).all()
    assert [row.type for row in rows] == ["story.created", "generation.closed", "usage.settled"]
    assert rows[1].payload["usage"] == {"prompt_tokens": 60, "completion_tokens": 400, "price": 460}
    assert {line["meter"]: line["settled"] for line in rows[2].payload["lines"]} == {
        "stories.day": 1,
        "tokens.month": 460,
    }
    assert all("keeper" not in str(row.payload) for row in rows)
    assert rows[0].payload["generation_id"] == str(generation.id)


async def test_decisions_are_kept_by_hash(database: Database) -> None:
    decision = Decision(
        DecisionId(uuid7()),
        READER,
        StoryId(uuid7()),
        "input",
        "words",
        "1",
        "block",
        ("hate",),
        {"hate": 9},
        digest("x"),
        NOON,
    )
    async with CountedWork(database) as work:
        await work.record(decision)
        row = (await work.session.execute(text("SELECT * FROM story.moderation_decisions"))).one()
    assert (row.verdict, row.reason_codes, row.categories, row.automated) == ("block", ["hate"], {"hate": 9}, True)
    assert row.content_sha256 == digest("x")


async def test_racing_reservations_of_many_readers_do_not_lock_each_other(database: Database) -> None:
    world = World(lambda: CountedWork(database))
    asked = [world.ask(f"key-{n}", user_id=(READER, OTHER)[n % 2]) for n in range(16)]
    for generation in await asyncio.gather(*asked):
        await world.ended(generation)
    assert (await world.settled(READER))["stories.day"] == (await world.settled(OTHER))["stories.day"] == 8
