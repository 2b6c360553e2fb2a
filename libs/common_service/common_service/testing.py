"""For tests of services: a migrated database cloned from a template in about 40 ms, and a clock that obeys."""

import asyncio
import contextlib
import io
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
from alembic.config import CommandLine, Config
from psycopg import sql

from common_service.migrations import DATABASE_URL
from common_service.provisioning import Tenant, provision

_IS_MADE = "SELECT 1 FROM pg_database WHERE datname = %s AND shobj_description(oid, 'pg_database') = 'made'"
_PASSWORD = "tests"  # noqa: S105 - of databases that live for one test run
NOWHERE: dict[str, Any] = {
    "database_url": "postgresql://nobody@127.0.0.1:1/none",
    "redis_url": "redis://127.0.0.1:1/0",
    "cognito_issuer": "http://127.0.0.1:1/pool",
    "cognito_jwks_url": "http://127.0.0.1:1/pool/.well-known/jwks.json",
    "cognito_client_id": "web",
}
"""Settings of a service whose every address leads nowhere."""


@dataclass(slots=True)
class FixedClock:
    """A clock that stands still until it is moved."""

    now: datetime = field(default=datetime(2026, 11, 21, 12, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        """Return the instant it stands at."""
        return self.now

    def advance(self, **by: float) -> None:
        """Move on by a timedelta's arguments."""
        self.now += timedelta(**by)


class TemplateDatabase:
    """A database with one service's migrations applied. Each test works on a clone, as the service's own login role.

    It is made once for all processes of a test run, which TEST_RUN_ID names; `drop_templates` is the end of it.
    """

    def __init__(self, service: Path, schema: str, role: str) -> None:
        self.service, self.schema, self._role = service, schema, role
        self.name = f"template_{schema}_{os.environ['TEST_RUN_ID']}"
        with psycopg.connect(os.environ["TEST_DATABASE_URL"], autocommit=True) as connection:
            connection.execute("SELECT pg_advisory_lock(hashtext(%s))", [self.name])
            if not connection.execute(_IS_MADE, [self.name]).fetchone():
                self._make()

    def _make(self) -> None:
        drop_database(self.name)  # of a process that was killed while it made it
        create_database(self.name)
        provision(owner_url(self.name), [Tenant(self.schema, self._role, _PASSWORD)])
        alembic(self.service, owner_url(self.name), "upgrade", "head")
        _execute(sql.SQL("COMMENT ON DATABASE {} IS 'made'").format(sql.Identifier(self.name)))

    @contextlib.contextmanager
    def clone(self) -> Iterator[str]:
        """Yield the service's URL of a fresh database, dropped afterwards."""
        name = f"test_{uuid4().hex}"
        create_database(name, self.name)
        try:
            yield self.url_of(name)
        finally:
            drop_database(name)

    def url_of(self, name: str) -> str:
        """Return the URL by which the service reaches a copy called `name`."""
        return _with(name, f"{self._role}:{_PASSWORD}")


def drop_templates(run_id: str) -> None:
    """Drop the templates of a test run."""
    with psycopg.connect(os.environ["TEST_DATABASE_URL"], autocommit=True) as connection:
        names = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"template_%_{run_id}"])
        for (name,) in names.fetchall():
            drop_database(name)


async def ready() -> None:
    """Be ready at once."""


async def eventually(holds: Callable[[], Awaitable[object] | object], *, seconds: float = 60) -> None:
    """Look again and again until something is so that sets no event. Raises TimeoutError.

    Only a test that fails waits so long.
    """
    async with asyncio.timeout(seconds):
        while True:
            found = holds()
            if await found if isinstance(found, Awaitable) else found:
                return
            await asyncio.sleep(0.02)


@contextlib.contextmanager
def empty_database() -> Iterator[str]:
    """Yield the owner's URL of a database without anything in it."""
    name = f"empty_{uuid4().hex}"
    create_database(name)
    try:
        yield owner_url(name)
    finally:
        drop_database(name)


def owner_url(name: str) -> str:
    """Return the URL by which the owner of the server reaches the database `name`."""
    return _with(name, None)


def alembic(service: Path, url: str, *words: str) -> str:
    """Run Alembic by the words of its command line, in this process, and return what it prints.

    Raises what a migration raises, and RuntimeError for words that Alembic refuses.
    """
    command, printed = CommandLine("alembic"), io.StringIO()
    options = command.parser.parse_args(words)
    ini = str(service / "alembic.ini")
    config = Config(ini, stdout=printed, output_buffer=printed, cmd_opts=options, attributes={DATABASE_URL: url})
    try:
        command.run_cmd(config, options)
    except SystemExit as refused:
        raise RuntimeError(f"Alembic does not {' '.join(words)} in {service.name}.") from refused
    return printed.getvalue()


def create_database(name: str, template: str = "template1") -> None:
    """Copy the database `template`."""
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
    _execute(create.format(sql.Identifier(name), sql.Identifier(template)))


def drop_database(name: str) -> None:
    """Drop the database `name`, if there is one, whoever is connected to it."""
    _execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _execute(statement: sql.Composed) -> None:
    with psycopg.connect(os.environ["TEST_DATABASE_URL"], autocommit=True) as connection:
        connection.execute(statement)


def _with(database: str, user: str | None) -> str:
    parts = urlsplit(os.environ["TEST_DATABASE_URL"])
    host = parts.netloc.rpartition("@")[2]
    netloc = parts.netloc if user is None else f"{user}@{host}"
    return urlunsplit((parts.scheme, netloc, f"/{database}", parts.query, ""))
