"""Compiled statements: in their order, as one with the session's own, and harmless when somebody leaves."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import bindparam, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from common_service.database import Database, SqlWork
from common_service.statements import Compiled, WorkSession, insert_later, later, row, rows, update_later
from libs.common_service.tests.proxies import proxy_before

pytestmark = pytest.mark.anyio
_ALL = Compiled(text("SELECT n, what FROM kit.notes ORDER BY n"))
_CHANGE = Compiled(text("UPDATE kit.notes SET what = 'changed' RETURNING what"))
_SLOW = Compiled(text("SELECT pg_sleep(CAST(:seconds AS float8))").bindparams(bindparam("seconds")))


class Row(DeclarativeBase):
    pass


class Note(Row):
    __tablename__ = "notes"
    __table_args__ = {"schema": "kit"}  # noqa: RUF012 - SQLAlchemy's own form

    n: Mapped[int] = mapped_column(primary_key=True)
    what: Mapped[str]


@pytest.fixture
async def session(database_url: str) -> AsyncIterator[WorkSession]:
    database = Database(database_url, pool_size=1, pool_wait_seconds=5)
    async with database.session() as first:
        await first.execute(text("CREATE TABLE kit.notes (n bigint PRIMARY KEY, what text NOT NULL)"))
        await first.commit()
    opened = database.session()
    assert isinstance(opened, WorkSession)
    yield opened
    await database.close()


def note(session: WorkSession, n: int, what: str = "said") -> None:
    insert_later(session, Note, {"n": n, "what": what})


async def noted(session: WorkSession) -> list[tuple[int, str]]:
    return [(one.n, one.what) for one in await rows(session, _ALL, {})]


async def test_what_is_written_later_is_seen_by_whatever_looks_next(session: WorkSession) -> None:
    note(session, 1)
    assert await noted(session) == [(1, "said")]
    note(session, 2)
    update_later(session, Note, {"n": 2}, {"what": "changed"})
    assert (await session.execute(text("SELECT what FROM kit.notes WHERE n = 2"))).scalar() == "changed"
    note(session, 3)
    await session.commit()
    assert [n for n, _ in await noted(session)] == [1, 2, 3]
    await session.close()


async def test_what_is_not_committed_never_was(session: WorkSession) -> None:
    note(session, 1)
    await noted(session)
    note(session, 2)
    await session.close()
    assert await noted(session) == []
    await session.close()


async def test_an_error_is_the_sessions_own_and_tells_no_values(session: WorkSession) -> None:
    note(session, 1, "a secret")
    note(session, 1, "a secret")
    with pytest.raises(IntegrityError) as caught:
        await session.commit()
    assert "a secret" not in str(caught.value).partition("[SQL")[2]
    await session.close()
    assert await noted(session) == []
    with pytest.raises(DBAPIError):
        await row(session, Compiled(text("SELECT 1 / 0")), {})
    await session.close()


async def test_a_statement_runs_in_the_order_it_was_given(session: WorkSession) -> None:
    for n in range(20):
        note(session, n)
    later(session, Compiled(text("DELETE FROM kit.notes WHERE n >= :least")), {"least": 5})
    note(session, 30)
    await session.commit()
    assert [n for n, _ in await noted(session)] == [0, 1, 2, 3, 4, 30]
    await session.close()


@pytest.mark.parametrize("begun", [False, True])
async def test_who_leaves_in_the_middle_leaves_a_connection_that_serves_the_next(
    session: WorkSession, *, begun: bool
) -> None:
    async def leave() -> None:
        try:
            if begun:
                await noted(session)
            note(session, 1)
            await rows(session, _SLOW, {"seconds": 30})
        finally:
            await session.close()

    leaving = asyncio.create_task(leave())
    await asyncio.sleep(0.05)  # until the server sleeps; sooner or later makes no difference
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    async with asyncio.timeout(10):
        assert await noted(session) == [], "nothing of it was kept"
        note(session, 2)
        await session.commit()
        assert await noted(session) == [(2, "said")]
    await session.close()


async def test_what_is_asked_together_goes_at_once_in_its_order_and_is_committed_behind_it(
    session: WorkSession, database_url: str
) -> None:
    async with proxy_before(database_url) as proxy:
        database = Database(proxy.url, pool_size=1)
        async with database.session() as first:
            await rows(first, _ALL, {})
        before = proxy.round_trips
        async with SqlWork(database) as work:
            note(_of(work), 1)
            seen, changed, _ = await work.together(noted(_of(work)), rows(work.session, _CHANGE, {}), work.commit())
        assert proxy.round_trips - before == 1
        assert (seen, [one.what for one in changed]) == ([(1, "said")], ["changed"])
        await database.close()
    assert await noted(session) == [(1, "changed")]
    await session.close()


async def test_an_error_among_what_is_asked_together_leaves_nothing_behind(session: WorkSession) -> None:
    note(session, 1)
    note(session, 1)
    with pytest.raises(IntegrityError):
        await session.together(noted(session), noted(session), session.commit())
    await session.rollback()
    assert await session.together(noted(session), noted(session)) == [[], []]
    await session.close()


async def test_what_the_session_itself_asks_waits_for_its_turn(session: WorkSession) -> None:
    note(session, 1)

    async def number() -> int:
        found = await session.scalars(text("SELECT count(*) FROM kit.notes"))
        return int(found.one())

    async with asyncio.timeout(5):
        assert await session.together(number(), noted(session), number()) == [1, [(1, "said")], 1]
    await session.close()


def _of(work: SqlWork) -> WorkSession:
    assert isinstance(work.session, WorkSession)
    return work.session


async def test_a_new_transaction_has_the_connection_of_its_session(database_url: str) -> None:
    whose, asked = Compiled(text("SELECT pg_backend_pid() AS pid")), text("SELECT pg_backend_pid()")
    database = Database(database_url, pool_size=2)
    mine, other = database.session(), database.session()
    await rows(mine, whose, {})
    await mine.commit()
    taken = (await other.execute(asked)).scalar()  # the connection that `mine` had
    pid = (await mine.execute(asked)).scalar()
    assert [one.pid for one in await rows(mine, whose, {})] == [pid]
    assert pid != taken
    await mine.close()
    await other.close()
    await database.close()
