"""What Postgres alone can show: who may be billed by which row, when a key lapses, and that no query reads it all."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, text

from common_service.database import Database
from services.story_service.tests.memory import MODELS
from services.story_service.tests.worlds import NOON, READER, STORY_TEXT, CountedWork, World, in_pieces
from story_service.application.ports import Generations
from story_service.domain.generation import State

pytestmark = pytest.mark.anyio
OLDER = NOON.replace(year=2025)


@pytest.fixture
def owner_url(database_url: str) -> str:
    return f"{os.environ['TEST_DATABASE_URL'].rpartition('/')[0]}/{database_url.rpartition('/')[2]}"


async def as_owner(owner_url: str, statement: str) -> None:
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as connection:
        await connection.execute(statement.encode())


async def test_a_model_that_is_withdrawn_while_it_writes_is_still_paid_for(database: Database, owner_url: str) -> None:
    world, gate = World(lambda: CountedWork(database)), asyncio.Event()
    world.writer.scripts = [[gate, *in_pieces(STORY_TEXT)]]
    generation = await world.ask()
    await as_owner(owner_url, "UPDATE story.model_catalog SET active = false")
    gate.set()
    assert (await world.ended(generation)).price == 460
    assert (await world.settled())["tokens.month"] == 460


async def test_the_newest_row_of_a_model_decides_whether_it_is_offered(database: Database, owner_url: str) -> None:
    await as_owner(
        owner_url,
        "INSERT INTO story.model_catalog SELECT model, '2026-01-01', provider, tier, modality, input_micros_per_mtok,"
        " output_micros_per_mtok, cached_input_micros_per_mtok, weight_milli, context_tokens, max_output_tokens, false"
        " FROM story.model_catalog WHERE model = 'gpt-5'",
    )
    async with CountedWork(database) as work:
        assert await work.models.offered("gpt-5", NOON) is None
        assert await work.models.offered("gpt-5", OLDER) == MODELS["gpt-5"]


async def test_a_key_that_lapsed_names_a_new_attempt(database: Database) -> None:
    world = World(lambda: CountedWork(database))
    first = await world.ended(await world.ask("key", prompt="The ferry"))
    world.clock.now += timedelta(hours=24)
    second = await world.ended(await world.ask("key", prompt="The mill"))
    assert (first.id != second.id, second.state) == (True, State.SUCCEEDED)


@pytest.mark.parametrize(
    "ask",
    [
        lambda generations: generations.totals_of(READER),
        lambda generations: generations.recent_of(READER, 20),
        lambda generations: generations.open_of(READER),
        lambda generations: generations.purge_logs(NOON, 200),
        lambda generations: generations.unattended(NOON, grace=NOON, most=50),
    ],
)
async def test_no_query_reads_every_generation_there_ever_was(
    database: Database, ask: Callable[[Generations], Awaitable[Any]]
) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    async with CountedWork(database) as work:
        await work.session.execute(text("SET LOCAL enable_seqscan = off"))
        event.listen(database.engine.sync_engine, "before_cursor_execute", note)
        await ask(work.generations)
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
        connection = await work.session.connection()
        for statement, parameters in asked:
            plan = (await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)).scalars().all()
            assert not [line for line in plan if "Seq Scan" in line], plan


async def test_ended_logs_are_found_by_their_own_index(database: Database) -> None:
    world = World(lambda: CountedWork(database))
    ended = await world.ended(await world.ask())
    async with CountedWork(database) as work:
        await work.session.execute(text("SET LOCAL enable_seqscan = off"))
        assert await work.generations.purge_logs(NOON + timedelta(seconds=1), 200) == 1
        assert await work.generations.log(ended.id, 0) == []
        plan = await work.session.execute(
            text("EXPLAIN SELECT generation_id FROM story.generation_chunks WHERE kind = 'done' ORDER BY 1 LIMIT 200")
        )
        assert "ix_generation_chunks_done" in str(plan.scalars().all())


async def test_what_was_not_charged_has_no_usage(database: Database) -> None:
    world = World(lambda: CountedWork(database))
    world.writer.scripts = [[]]
    assert (await world.ended(await world.ask())).state is State.FAILED
    async with CountedWork(database) as work:
        kept = await work.session.scalar(text("SELECT count(*) FROM story.generations WHERE usage IS NOT NULL"))
    assert kept == 0
