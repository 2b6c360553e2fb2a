"""The connection pool of a service and its unit of work. Commit is a line of the use case, never of a dependency."""

from types import TracebackType
from typing import Self

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

_STATEMENT_TIMEOUT_MS = 10_000
_IDLE_IN_TRANSACTION_MS = 30_000


class Database:
    """An engine whose sessions give up rather than hang: on a full pool, a slow statement, an idle transaction."""

    def __init__(self, url: str, *, pool_size: int = 10, statement_timeout_ms: int = _STATEMENT_TIMEOUT_MS) -> None:
        limits = {
            "statement_timeout": statement_timeout_ms,
            "idle_in_transaction_session_timeout": _IDLE_IN_TRANSACTION_MS,
        }
        options = " ".join(f"-c {name}={value}" for name, value in {**limits, "timezone": "UTC"}.items())
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=5,
            pool_pre_ping=True,
            pool_recycle=1800,
            connect_args={"options": options, "connect_timeout": 3},
        )

    def session(self) -> AsyncSession:
        """Open a session; what it loaded stays readable after commit."""
        return AsyncSession(self.engine, expire_on_commit=False)

    async def ping(self) -> None:
        """Raise OperationalError unless the database answers."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Return every connection."""
        await self.engine.dispose()


class SqlWork:
    """One transaction, rolled back unless `commit` was called. Subclasses hang their repositories in `open`."""

    session: AsyncSession

    def __init__(self, database: Database) -> None:
        self._database = database

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
        self.session = self._database.session()
        self.open(self.session)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.session.close()  # closing rolls back what was not committed

    async def commit(self) -> None:
        """Make everything done in this work durable, at once."""
        await self.session.commit()


def sqlalchemy_url(url: str) -> str:
    """Name the driver in a plain `postgresql://` URL."""
    scheme, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in {"postgres", "postgresql"} else url
