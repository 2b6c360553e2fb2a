"""The pool and the unit of work against a real server: what waits gives up, and what fails is a 503."""

import asyncio
import contextlib
import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from common_service.database import Database, SqlWork
from common_service.statements import Compiled, later, row
from libs.common_service.tests.proxies import proxy_before
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


async def test_a_server_that_never_answers_costs_a_bounded_wait(database_url: str) -> None:
    async with proxy_before(database_url) as proxy:
        database = Database(proxy.url, pool_size=1, statement_timeout_ms=100)
        await database.ping()
        proxy.silence.set()
        started = time.monotonic()
        with pytest.raises(DBAPIError) as failed:
            await database.ping()
        assert isinstance(failed.value, OperationalError)
        assert time.monotonic() - started < 8
        proxy.silence.clear()
        await database.ping()
        await database.close()


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


async def test_reading_takes_a_round_trip_a_statement_and_writing_two_more(database_url: str) -> None:
    async with proxy_before(database_url) as proxy:
        database = Database(proxy.url, pool_size=1)

        async def round_trips(reads: bool, statements: int) -> int:
            before = proxy.round_trips
            async with SqlWork(database, reads=reads) as work:
                for _ in range(statements):
                    await work.session.execute(COUNT)
                if not reads:
                    await work.session.execute(ADD)
                    await work.commit()
            return proxy.round_trips - before

        for _ in range(10):  # the driver prepares what comes often
            await round_trips(reads=False, statements=1)
        assert [await round_trips(reads=True, statements=n) for n in (1, 2)] == [1, 2]
        assert await round_trips(reads=False, statements=0) == 3  # BEGIN, the statement, COMMIT
        await database.close()


async def test_a_session_that_reads_neither_writes_nor_locks(database: Database) -> None:
    forbidden = [
        "INSERT INTO kit.effects (what) VALUES ('x')",
        "update kit.effects SET what = 'y'",
        "WITH gone AS (DELETE FROM kit.effects RETURNING n) SELECT count(*) FROM gone",
        "SELECT n FROM kit.effects FOR UPDATE",
        "SELECT n FROM kit.effects FOR KEY SHARE SKIP LOCKED",
        "SELECT pg_advisory_xact_lock(1)",
        "DROP TABLE kit.effects",
    ]
    for statement in forbidden:
        async with SqlWork(database, reads=True) as work:
            with pytest.raises(RuntimeError):
                await work.session.execute(text(statement))
    for statement in forbidden[:2]:
        async with SqlWork(database, reads=True) as work:
            with pytest.raises(RuntimeError):
                later(work.session, Compiled(text(statement)), {})
            with pytest.raises(RuntimeError):
                await row(work.session, Compiled(text(statement)), {})
    async with SqlWork(database, reads=True) as work:
        assert (await work.session.execute(text("WITH all_n AS (SELECT 1) SELECT * FROM all_n"))).scalar_one() == 1
    async with SqlWork(database) as work:
        await work.session.execute(ADD)  # the pool is the same, and a transaction still is one
    assert await effects(database) == 0


async def test_after_a_restart_every_connection_of_the_pool_is_replaced_unseen(database: Database) -> None:
    async def pid() -> int:
        async with database.reading() as session:
            return int((await session.execute(text("SELECT pg_backend_pid() FROM pg_sleep(0.02)"))).scalar_one())

    async def crowd() -> set[int]:
        return set(await asyncio.gather(*(pid() for _ in range(8))))

    old = await crowd()
    async with database.session() as session:
        others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid = ANY(:pids)"
        ended = await session.execute(text(others + " AND pid <> pg_backend_pid()"), {"pids": list(old)})
        ended_count = len(ended.all())
    assert ended_count >= len(old) - 1
    assert len(await crowd() & old) <= 1


async def test_what_nobody_used_for_a_while_is_asked_first(database_url: str) -> None:
    async with proxy_before(database_url) as proxy:
        database = Database(proxy.url, pool_size=1, trusted_seconds=0.0)
        await database.ping()
        before = proxy.round_trips
        await database.ping()
        assert proxy.round_trips - before == 2
        await database.close()


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
