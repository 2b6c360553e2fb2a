"""Statements of the paths that every request takes: compiled once, run by the driver itself, writes in one round trip.

SQLAlchemy builds them and knows the tables; what it costs to run a statement (performance.md) is paid once, at import.
The rest of a work may go on using the session as ever: what is to be written `later` is written before it looks.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy import JSON, Executable, Table, bindparam, insert, make_url, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql import ClauseElement

from common_service.batches import Sent, send
from common_service.database_checks import ensure_reads, only_reads
from common_service.tracing import found_work
from common_service.tracing_sql import spanned

_DIALECT = make_url("postgresql+psycopg://").get_dialect()()
Values = Mapping[str, Any]


class Compiled:
    """A statement as the driver takes it. Its values go by the names of its parameters."""

    def __init__(self, statement: Executable) -> None:
        assert isinstance(statement, ClauseElement)
        compiled = statement.compile(dialect=_DIALECT)
        self.sql, self._given = (
            str(compiled),
            {name: value for name, value in compiled.params.items() if value is not None},
        )
        binds: Mapping[str, Any] = getattr(compiled, "binds", {})
        self._documents = frozenset(name for name, bind in binds.items() if isinstance(bind.type, JSON))

    def values(self, values: Values) -> dict[str, Any]:
        """Return what the driver is given."""
        wrapped = {name: Jsonb(values[name]) for name in self._documents & values.keys() if values[name] is not None}
        return {**self._given, **values, **wrapped}


class _Question:
    """What somebody asks beside others."""

    def __init__(self, sent: Sent | None) -> None:
        self.sent = sent
        self.answer: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()


class WorkSession(AsyncSession):
    """A session that also runs compiled statements."""

    watch: Callable[[str, Values], None] | None = None
    """Is told of every compiled statement and its values, as SQLAlchemy's events tell of the others."""
    _waiting: tuple[Sent, ...] = ()
    _connected: psycopg.AsyncConnection[Any] | None = None
    _asked: tuple[_Question, ...] = ()
    _turn: asyncio.Lock | None = None
    """Whose the connection is, while several ask at once."""
    _holder: "asyncio.Task[Any] | None" = None

    def later(self, statement: Compiled, values: Values) -> None:
        """Write with whatever is asked next, or at the commit: nobody waits for it before."""
        self._waiting += ((statement.sql, statement.values(values)),)

    async def rows(self, statement: Compiled, values: Values) -> list[Any]:
        """Run a statement behind what waits, and return its rows, whose columns are attributes.

        Raises what the session raises.
        """
        sent = statement.sql, statement.values(values)
        if self._turn is None:
            return (await self._send((sent,)))[0]
        return await self._ask(self._turn, sent)

    async def together(self, *wanted: Awaitable[Any]) -> list[Any]:
        """Await parts of this work that need nothing of one another: what they ask goes in one round trip.

        In their order. A commit may be the last. When all have ended, the first error is raised, in their order.
        """
        assert self._turn is None, "one at a time"
        self._turn = asyncio.Lock()
        try:
            outcomes = await asyncio.gather(*wanted, return_exceptions=True)
        finally:
            self._turn = None
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return outcomes

    async def settle(self) -> None:
        """Write what waits."""
        if self._waiting:
            await self._send(())

    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        """Run a statement of SQLAlchemy's behind what waits."""
        async with self._alone():
            await self.settle()
            return await super().execute(*args, **kwargs)

    async def scalar(self, *args: Any, **kwargs: Any) -> Any:
        """Run it behind what waits."""
        async with self._alone():
            await self.settle()
            return await super().scalar(*args, **kwargs)

    async def scalars(self, *args: Any, **kwargs: Any) -> Any:
        """Run it behind what waits."""
        async with self._alone():
            await self.settle()
            return await super().scalars(*args, **kwargs)

    async def get(self, *args: Any, **kwargs: Any) -> Any:
        """Look behind what waits."""
        async with self._alone():
            await self.settle()
            return await super().get(*args, **kwargs)

    async def commit(self) -> None:
        """Write what waits, and commit, in one round trip."""
        if self.new or self.dirty or self.deleted:  # what the session itself has to write comes before
            await self.settle()
        elif self._turn is not None:
            await self._ask(self._turn, None)
        elif self._waiting:
            await self._send((None,))
        await super().commit()
        self._connected = None

    async def rollback(self) -> None:
        """Undo all, and forget what waits."""
        self._waiting, self._connected = (), None
        await super().rollback()

    async def close(self) -> None:
        """Let go of the connection; what was not committed never was."""
        self._waiting, self._connected = (), None
        await super().close()

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Hold the connection, unless this task does: some of SQLAlchemy's own methods call one another."""
        mine = asyncio.current_task()
        if self._turn is None or self._holder is mine:
            yield
            return
        async with self._turn:
            self._holder = mine
            try:
                yield
            finally:
                self._holder = None

    async def _ask(self, turn: asyncio.Lock, sent: Sent | None) -> list[Any]:
        """Ask with the others, or commit (None) behind them: whoever comes first sends for all."""
        mine = _Question(sent)
        self._asked += (mine,)
        if len(self._asked) > 1:
            return await mine.answer
        questions = self._asked
        try:
            known = 0
            while known != len(self._asked):  # until nobody comes any more
                known = len(self._asked)
                await asyncio.sleep(0)
            async with turn:
                questions, self._asked = self._asked, ()
                answers = await self._send(tuple(question.sent for question in questions))
        except BaseException as error:
            _disappoint((*questions, *self._asked), error)
            raise
        for question, answer in zip(questions[1:], answers[1:], strict=True):
            if not question.answer.done():
                question.answer.set_result(answer)
        return answers[0]

    async def _send(self, wanted: tuple[Sent | None, ...]) -> list[list[Any]]:
        """Write what waits and ask behind it, and commit where the last is None. Return the rows of each."""
        driver = await self._driver()
        waiting, self._waiting = self._waiting, ()
        questions = tuple(sent for sent in wanted if sent is not None)
        everything, commits = (*waiting, *questions), len(questions) < len(wanted)
        assert None not in wanted[:-1], "nothing comes behind a commit"
        for sql, values in everything if self.watch else ():
            assert self.watch is not None
            self.watch(sql, values)
        label = (questions or waiting or (("COMMIT", {}),))[0][0]
        with spanned(label):
            try:
                cursors = await send(driver, everything, commit=commits)
            except psycopg.Error as error:
                raise _told(label, error) from error
        asked = cursors[len(waiting) :]
        if waiting or any(one.rowcount > 0 and not only_reads(q[0]) for one, q in zip(asked, questions, strict=True)):
            found_work()
        answers = [await cursor.fetchall() if cursor.description else [] for cursor in asked]
        return [*answers, []] if commits else answers

    async def _driver(self) -> psycopg.AsyncConnection[Any]:
        """Return the connection of this transaction; the next one may have another."""
        if self._connected is None:
            connection = await (await self.connection()).get_raw_connection()
            self._connected = connection.driver_connection
            assert self._connected is not None
        return self._connected


class ReadingSession(WorkSession):
    """A session that runs no compiled statement which writes or locks: RuntimeError (`Database.reading`)."""

    def later(self, statement: Compiled, values: Values) -> None:
        """Refuse what is to be written."""
        ensure_reads(statement.sql)
        super().later(statement, values)

    async def rows(self, statement: Compiled, values: Values) -> list[Any]:
        """Run a statement that reads."""
        ensure_reads(statement.sql)
        return await super().rows(statement, values)


def later(session: AsyncSession, statement: Compiled, values: Values) -> None:
    """Write as a WorkSession does."""
    assert isinstance(session, WorkSession), "sessions come from Database"
    session.later(statement, values)


def insert_later(session: AsyncSession, row: type[DeclarativeBase], values: Values) -> None:
    """Add a row with these columns."""
    later(session, _inserting(row, tuple(values)), values)


def update_later(session: AsyncSession, row: type[DeclarativeBase], key: Values, values: Values) -> None:
    """Change these columns of the row that `key` names."""
    named = {f"key_{name}": value for name, value in key.items()}
    later(session, _updating(row, tuple(key), tuple(values)), {**named, **values})


def table_of(row: type[DeclarativeBase]) -> Table:
    """Return the table of a row."""
    table = row.__table__
    assert isinstance(table, Table)
    return table


async def rows(session: AsyncSession, statement: Compiled, values: Values) -> list[Any]:
    """Ask as a WorkSession does."""
    assert isinstance(session, WorkSession), "sessions come from Database"
    return await session.rows(statement, values)


async def together(session: AsyncSession, *wanted: Awaitable[Any]) -> list[Any]:
    """Await several as a WorkSession does."""
    assert isinstance(session, WorkSession), "sessions come from Database"
    return await session.together(*wanted)


async def row(session: AsyncSession, statement: Compiled, values: Values) -> Any:
    """Return the first row; None where there is none."""
    found = await rows(session, statement, values)
    return found[0] if found else None


@lru_cache(maxsize=256)
def _inserting(row: type[DeclarativeBase], names: tuple[str, ...]) -> Compiled:
    return Compiled(insert(table_of(row)).values({name: bindparam(name) for name in names}))


@lru_cache(maxsize=256)
def _updating(row: type[DeclarativeBase], key: tuple[str, ...], names: tuple[str, ...]) -> Compiled:
    table = table_of(row)
    which = [table.c[name] == bindparam(f"key_{name}") for name in key]
    return Compiled(update(table).where(*which).values({name: bindparam(name) for name in names}))


def _disappoint(questions: tuple[_Question, ...], error: BaseException) -> None:
    for question in questions[1:]:
        if isinstance(error, Exception) and not question.answer.done():
            question.answer.set_exception(error)
        else:
            question.answer.cancel()


def _told(sql: str, error: psycopg.Error) -> Exception:
    """Return the error as SQLAlchemy names it, which the edge knows; without the values."""
    told = DBAPIError.instance(sql, None, error, psycopg.Error, hide_parameters=True, dialect=_DIALECT)
    assert isinstance(told, Exception)
    return told
