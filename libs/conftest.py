"""What the tests of the libraries share: a database with the common tables, and Redis servers that may be hurt."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import httpx2
import psycopg
import pytest
from fastapi import APIRouter, Depends
from psycopg import sql
from redis.asyncio import Redis

from common_auth.callers import Callers, Person
from common_auth.errors import AUTH_PROBLEMS
from common_auth.testing import ISSUER, WEB_CLIENT, TestIssuer
from common_auth.tokens import TokenVerifier
from common_events.ddl import MESSAGING_V1
from common_service.app import create_service_app
from common_service.database import Database
from common_service.ddl import IDEMPOTENCY_KEYS_V1
from common_service.problems import ProblemTable
from common_service.testing import FixedClock
from sandbox.servers.redis import running_redis

Ask = Callable[[str], Awaitable[httpx2.Response]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def server_url() -> str:
    """Return the superuser's address of the test server."""
    return os.environ["TEST_DATABASE_URL"]


@pytest.fixture(scope="session")
def template(server_url: str) -> Iterator[str]:
    """Make a database with the common tables in the schema `kit`, to be cloned."""
    name = f"libs_{uuid4().hex[:8]}"
    _execute(server_url, "CREATE DATABASE {}", name)
    with psycopg.connect(in_database(server_url, name), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA kit")
        for statements in (MESSAGING_V1, IDEMPOTENCY_KEYS_V1):
            connection.execute(statements.format(schema="kit").encode())
        connection.execute("CREATE TABLE kit.effects (n bigint GENERATED ALWAYS AS IDENTITY, event_id uuid, what text)")
    yield name
    _execute(server_url, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def database_url(server_url: str, template: str) -> Iterator[str]:
    """Return the address of a database of this test's own, with the common tables in the schema `kit`."""
    name = f"libs_test_{uuid4().hex}"
    _execute(server_url, "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, template)
    yield in_database(server_url, name)
    _execute(server_url, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Open this test's database."""
    database = Database(database_url, pool_size=20)
    yield database
    await database.close()


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """Return the address of a Redis server of this test's own."""
    with running_redis(tmp_path / "redis") as server:
        yield server.url


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """Connect to this test's Redis server."""
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
def issuer() -> TestIssuer:
    """Return an issuer whose clock stands still."""
    return TestIssuer(now=FixedClock())


@pytest.fixture
async def ask(issuer: TestIssuer) -> AsyncIterator[Ask]:
    """Call a route that only readers may use, with the token given."""
    verifier = TokenVerifier(issuer, issuer=ISSUER, clients=frozenset({WEB_CLIENT}), now=issuer.now)
    callers = Callers(verifier, verifier, {"admin": frozenset({"users.read"})})
    routes = APIRouter()

    @routes.get("/me")
    async def me(person: Annotated[Person, Depends(callers.reader)]) -> dict[str, object]:
        return {"id": person.user_id, "permissions": sorted(person.permissions)}

    async def ready() -> None: ...

    app = create_service_app(
        title="kit", prefix="/kit", routers=[routes], problems=ProblemTable(AUTH_PROBLEMS), ready=ready
    )
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://kit") as http:

        async def call(token: str) -> httpx2.Response:
            return await http.get("/me", headers={b"Authorization": b"Bearer " + token.encode("latin-1")})

        yield call


def in_database(url: str, name: str) -> str:
    """Return the address of another database of the same server."""
    return f"{url.rpartition('/')[0]}/{name}"


def _execute(url: str, statement: str, *names: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
