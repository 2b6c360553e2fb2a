"""The connection pool of a service and its unit of work. Commit is a line of the use case, never of a dependency."""

from collections.abc import Awaitable
from types import TracebackType
from typing import Any, Self, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from common_service.database_checks import check_on_checkout, refuse_writes
from common_service.fair_pool import FairPool
from common_service.statements import ReadingSession, WorkSession, together
from common_service.tracing_sql import trace_statements

Answer = TypeVar("Answer")
_STATEMENT_TIMEOUT_MS = 10_000
_IDLE_IN_TRANSACTION_MS = 30_000
_TRUSTED_SECONDS = 5.0
_GRACE_SECONDS = 2.0  # a server that lives answers within the statement's own limit


class Database:
    """An engine whose sessions give up rather than hang: on a full pool, a slow statement, an idle transaction,

    and on a server that holds the connection and never answers. The first raises sqlalchemy.exc.TimeoutError after
    `pool_wait_seconds`, the others OperationalError.
    A connection that was idle for longer than `trusted_seconds` is asked before it is used (`check_on_checkout`).
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        statement_timeout_ms: int = _STATEMENT_TIMEOUT_MS,
        pool_wait_seconds: float = 5.0,
        trusted_seconds: float = _TRUSTED_SECONDS,
    ) -> None:
        limits = {
            "statement_timeout": statement_timeout_ms,
            "idle_in_transaction_session_timeout": _IDLE_IN_TRANSACTION_MS,
        }
        options = " ".join(f"-c {name}={value}" for name, value in {**limits, "timezone": "UTC"}.items())
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(url),
            poolclass=FairPool,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=pool_wait_seconds,
            pool_recycle=1800,
            hide_parameters=True,  # an error's text must not carry a reader's words into the log
            connect_args={
                "options": options,
                "connect_timeout": 3,
                "async_creator_fn": _impatient(statement_timeout_ms / 1000 + _GRACE_SECONDS).connect,
            },
        )
        check_on_checkout(self.engine.sync_engine, trusted_seconds)
        trace_statements(self.engine.sync_engine)
        self._reading = self.engine.execution_options(isolation_level="AUTOCOMMIT")  # the same pool
        refuse_writes(self._reading.sync_engine)

    def session(self) -> AsyncSession:
        """Open a session; what it loaded stays readable after commit."""
        return WorkSession(self.engine, expire_on_commit=False)

    def reading(self) -> AsyncSession:
        """Open a session that reads, one round trip a statement: no transaction is begun around them.

        Each statement sees what is committed by then, as it does within a transaction too (READ COMMITTED). What
        writes or locks raises RuntimeError and is not sent.
        """
        return ReadingSession(self._reading, expire_on_commit=False)

    async def ping(self) -> None:
        """Raise OperationalError unless the database answers."""
        async with self._reading.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Return every connection."""
        await self.engine.dispose()


class SqlWork:
    """One transaction, rolled back unless `commit` was called. Subclasses hang their repositories in `open`.

    One that `reads` is no transaction but `Database.reading`, for what changes nothing.
    """

    session: AsyncSession

    def __init__(self, database: Database, *, reads: bool = False) -> None:
        self._database, self._reads = database, reads

    def open(self, session: AsyncSession) -> None:
        """Build the repositories that share this session."""

    @classmethod
    def on(cls, session: AsyncSession) -> Self:
        """Return a work that is part of a transaction somebody else commits, as an event's handler is."""
        work = cls.__new__(cls)
        work.session = session
        work.open(session)
        return work

    async def __aenter__(self) -> Self:
        self.session = self._database.reading() if self._reads else self._database.session()
        self.open(self.session)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.session.close()  # closing rolls back what was not committed

    async def together(self, *wanted: Awaitable[Any]) -> list[Any]:
        """Await parts of this work that need nothing of one another (`WorkSession.together`)."""
        return await together(self.session, *wanted)

    async def commit(self) -> None:
        """Make everything done in this work durable, at once. Raises what the database raises: then nothing is."""
        await self.session.commit()


def _impatient(seconds: float) -> type[psycopg.AsyncConnection]:
    """Return a kind of connection that breaks when an answer takes longer, rather than wait for ever.

    Nor does it forget its prepared statements where a transaction is rolled back: Postgres keeps them, and what they
    name is changed by migrations alone.
    """

    class Impatient(psycopg.AsyncConnection):
        async def wait(
            self,
            gen: PQGen[Answer],
            interval: float = 0.1,
            timeout: float | None = None,  # noqa: ASYNC109 - the driver's own signature
        ) -> Answer:
            try:
                return await super().wait(gen, interval, timeout or seconds)
            except psycopg.OperationalError:
                if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                    self.pgconn.finish()
                raise

        def _rollback_gen(self) -> PQGen[None]:
            if self.pgconn.transaction_status != TransactionStatus.IDLE:
                yield from self._exec_command(b"ROLLBACK")

    return Impatient


def sqlalchemy_url(url: str) -> str:
    """Name the driver in a plain `postgresql://` URL."""
    scheme, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in {"postgres", "postgresql"} else url
