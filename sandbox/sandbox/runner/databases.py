"""Schemas, login roles and migrations: each step only when the database says that it is needed."""

import re
from pathlib import Path

import orjson
import psycopg
from psycopg import sql

from sandbox.runner.addresses import Addresses
from sandbox.runner.catalogue import SERVICES, Service
from sandbox.servers import redis
from sandbox.servers.errors import CannotStart

_PATIENCE = 2  # seconds: a question to a server that Ctrl-C has just ended holds up the end for as long
_REVISION = re.compile(r"""^(down_)?revision\b[^=]*=\s*["']([^"']+)["']""", re.MULTILINE)


def check_database(url: str) -> None:
    """Refuse, in a sentence without the password, a database that cannot be reached."""
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[0].removeprefix("connection failed: ")
        raise CannotStart(f"The database of DATABASE_URL does not answer: {reason}") from None


def check_redis(url: str) -> None:
    """Refuse, in a sentence, a Redis server that cannot be reached."""
    try:
        is_there = redis.answers(url)
    except ValueError as error:
        raise CannotStart(f"REDIS_URL is no address of a Redis server: {error}.") from None
    if not is_there:
        raise CannotStart("The Redis server of REDIS_URL does not answer.")


def behind(addresses: Addresses, passwords: dict[str, str]) -> list[Service]:
    """Return the services whose schema is not at its head, or that cannot log in yet."""

    with psycopg.connect(addresses.database_url, connect_timeout=_PATIENCE, autocommit=True) as owner:
        roles = {row[0] for row in owner.execute("SELECT rolname FROM pg_roles")}

        def is_ready(service: Service) -> bool:
            url = addresses.database_url_of(service.role, passwords[service.role])
            return service.role in roles and version_of(owner, service.schema) in heads(service.folder) and logs_in(url)

        return [service for service in SERVICES if not is_ready(service)]


def tenants(passwords: dict[str, str]) -> bytes:
    """Return what `common_service.provisioning` reads: each service's schema, role and password."""
    rows = [{"schema": s.schema, "role": s.role, "password": passwords[s.role]} for s in SERVICES]
    return orjson.dumps(rows)


def heads(folder: Path) -> set[str]:
    """Return the newest revisions of a service's migrations, read from their text: importing alembic takes a second."""
    found: set[str] = set()
    followed: set[str] = set()
    for file in (folder / "migrations" / "versions").glob("*.py"):
        for down, revision in _REVISION.findall(file.read_text()):
            (followed if down else found).add(revision)
    return found - followed


def version_of(owner: psycopg.Connection, schema: str) -> str | None:
    """Return the revision that a schema is at, None before its first migration."""
    try:
        query = sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(schema, "alembic_version"))
        row = owner.execute(query).fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    return str(row[0]) if row else None


def logs_in(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=_PATIENCE).close()
    except psycopg.Error:
        return False
    return True
