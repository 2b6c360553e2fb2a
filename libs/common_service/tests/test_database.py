"""The pool and the unit of work against a real server: what waits gives up, and what fails is a 503."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from common_service.database import Database, SqlWork
from sandbox.servers.ports import free_port

pytestmark = pytest.mark.anyio
COUNT = text("SELECT count(*) FROM kit.effects")
ADD = text("INSERT INTO kit.effects (what) VALUES ('x')")


async def effects(database: Database) -> int:
    async with database.session() as session:
        return int((await session.execute(COUNT)).scalar_one())


async def test_what_was_not_committed_is_rolled_back(database: Database) -> None:
    async with SqlWork(database) as work:
        await work.session.execute(ADD)
    with contextlib.suppress(ZeroDivisionError):
        async with SqlWork(database) as work:
            await work.session.execute(ADD)
            raise ZeroDivisionError
    assert await effects(database) == 0
    async with SqlWork(database) as work:
        await work.session.execute(ADD)
        await work.commit()
    assert await effects(database) == 1


async def test_a_work_on_a_foreign_session_leaves_the_commit_to_its_owner(database: Database) -> None:
    async with database.session() as session:
        await SqlWork.on(session).session.execute(ADD)
    assert await effects(database) == 0


async def test_a_slow_statement_ends_and_its_connection_serves_on(database_url: str) -> None:
    database = Database(database_url, pool_size=1, statement_timeout_ms=100)
    started = time.monotonic()
    with pytest.raises(OperationalError):
        async with database.session() as session:
            await session.execute(text("SELECT pg_sleep(60)"))
    assert time.monotonic() - started < 1
    await database.ping()
    await database.close()


async def test_a_server_that_never_answers_costs_a_bounded_wait(silent: tuple[str, asyncio.Event]) -> None:
    url, silence = silent
    database = Database(url, pool_size=1, statement_timeout_ms=100)
    await database.ping()
    silence.set()
    started = time.monotonic()
    with pytest.raises(DBAPIError) as failed:
        await database.ping()
    assert isinstance(failed.value, OperationalError)
    assert time.monotonic() - started < 8
    silence.clear()
    await database.ping()
    await database.close()


@pytest.fixture
async def silent(database_url: str) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Put a proxy before the database that can be made to swallow everything, as a stopped server does."""
    silence, open_ones = asyncio.Event(), set[asyncio.StreamWriter]()
    host, _, rest = database_url.partition("@")[2].partition("/")
    server_host, _, port = host.partition(":")

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if not silence.is_set():
                writer.write(data)
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(server_host, int(port))
        open_ones.update((writer, far_writer))
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer), return_exceptions=True)

    ours = free_port()
    server = await asyncio.start_server(connected, "127.0.0.1", ours)
    yield f"{database_url.partition('@')[0]}@127.0.0.1:{ours}/{rest}", silence
    server.close()
    for writer in open_ones:
        writer.close()


async def test_an_idle_transaction_is_ended_by_the_server(database: Database) -> None:
    async with database.engine.connect() as connection:
        limit = (await connection.execute(text("SHOW idle_in_transaction_session_timeout"))).scalar_one()
    assert limit == "30s"


async def test_a_full_pool_refuses_after_its_wait(database_url: str) -> None:
    database = Database(database_url, pool_size=1, pool_wait_seconds=0.2)
    async with database.session() as session:
        await session.execute(COUNT)
        with pytest.raises(PoolTimeout):
            await database.ping()
    await database.close()


async def test_a_caller_who_leaves_gives_the_connection_back(database_url: str) -> None:
    database = Database(database_url, pool_size=1)

    async def slow() -> None:
        async with database.session() as session:
            await session.execute(text("SELECT pg_sleep(30)"))

    for _ in range(3):
        task = asyncio.create_task(slow())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await database.ping()
    await database.close()


async def test_no_server_is_an_operational_error() -> None:
    database = Database(f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    with pytest.raises(OperationalError):
        await database.ping()
    await database.close()


async def test_a_server_that_came_back_is_found_again(database: Database) -> None:
    await database.ping()
    async with database.session() as session:
        pid = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    killer = Database(database.engine.url.render_as_string(hide_password=False))
    async with killer.session() as session:
        await session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    await killer.close()
    await database.ping()


async def test_times_come_back_aware_and_in_utc(database: Database) -> None:
    async with database.session() as session:
        now = (await session.execute(text("SELECT now()"))).scalar_one()
    assert now.utcoffset().total_seconds() == 0


async def test_an_error_does_not_repeat_the_values_it_was_given(database: Database) -> None:
    async with database.session() as session:
        statement = text("INSERT INTO kit.outbox (event_id, type) VALUES (gen_random_uuid(), :story)")
        with pytest.raises(IntegrityError) as failed:
            await session.execute(statement, {"story": "the.story_of_my_life"})
    assert "parameters hidden" in str(failed.value)
