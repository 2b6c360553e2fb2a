"""Statements of the paths that every request takes: compiled once, run by the driver itself, writes in one round trip.

SQLAlchemy builds them and knows the tables; what it costs to run a statement (performance.md) is paid once, at import.
The rest of a work may go on using the session as ever: what is to be written `later` is written before it looks.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import namedtuple_row
from psycopg.types.json import Jsonb
from sqlalchemy import JSON, Executable, Table, bindparam, insert, make_url, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql import ClauseElement

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


class WorkSession(AsyncSession):
    """A session that also runs compiled statements."""

    watch: Callable[[str, Values], None] | None = None
    """Is told of every compiled statement and its values, as SQLAlchemy's events tell of the others."""
    _waiting: tuple[tuple[Compiled, dict[str, Any]], ...] = ()
    _connected: psycopg.AsyncConnection[Any] | None = None

    def later(self, statement: Compiled, values: Values) -> None:
        """Write with whatever is asked next, or at the commit: nobody waits for it before."""
        self._waiting += ((statement, statement.values(values)),)

    async def rows(self, statement: Compiled, values: Values) -> list[Any]:
        """Run a statement behind what waits, and return its rows, whose columns are attributes.

        Raises what the session raises.
        """
        driver = await self._driver()
        cursor = driver.cursor(row_factory=namedtuple_row)
        waiting, self._waiting = self._waiting, ()
        self._tell((*waiting, (statement, statement.values(values))))
        with spanned(statement.sql):
            try:
                if waiting or (not driver.autocommit and driver.info.transaction_status is TransactionStatus.IDLE):
                    async with driver.pipeline():
                        await _send(driver, waiting)
                        await cursor.execute(statement.sql, statement.values(values))
                else:
                    await cursor.execute(statement.sql, statement.values(values))
                if waiting or (cursor.rowcount > 0 and not only_reads(statement.sql)):
                    found_work()
                return await cursor.fetchall() if cursor.description else []
            except psycopg.Error as error:
                raise _told(statement.sql, error) from error

    async def settle(self) -> None:
        """Write what waits."""
        if not self._waiting:
            return
        driver = await self._driver()
        waiting, self._waiting = self._waiting, ()
        self._tell(waiting)
        found_work()
        with spanned(waiting[0][0].sql):
            try:
                async with driver.pipeline():
                    await _send(driver, waiting)
            except psycopg.Error as error:
                raise _told(waiting[0][0].sql, error) from error

    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        """Run a statement of SQLAlchemy's behind what waits."""
        await self.settle()
        return await super().execute(*args, **kwargs)

    async def scalar(self, *args: Any, **kwargs: Any) -> Any:
        """Run it behind what waits."""
        await self.settle()
        return await super().scalar(*args, **kwargs)

    async def scalars(self, *args: Any, **kwargs: Any) -> Any:
        """Run it behind what waits."""
        await self.settle()
        return await super().scalars(*args, **kwargs)

    async def get(self, *args: Any, **kwargs: Any) -> Any:
        """Look behind what waits."""
        await self.settle()
        return await super().get(*args, **kwargs)

    async def commit(self) -> None:
        """Write what waits, and commit."""
        await self.settle()
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

    def _tell(self, sent: tuple[tuple[Compiled, dict[str, Any]], ...]) -> None:
        for statement, values in sent if self.watch else ():
            assert self.watch is not None
            self.watch(statement.sql, values)

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


async def _send(driver: psycopg.AsyncConnection[Any], waiting: tuple[tuple[Compiled, dict[str, Any]], ...]) -> None:
    for statement, values in waiting:
        await driver.execute(statement.sql, values)


def _told(sql: str, error: psycopg.Error) -> Exception:
    """Return the error as SQLAlchemy names it, which the edge knows; without the values."""
    told = DBAPIError.instance(sql, None, error, psycopg.Error, hide_parameters=True, dialect=_DIALECT)
    assert isinstance(told, Exception)
    return told
