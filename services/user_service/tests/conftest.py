"""The service wired to a world, and to a Postgres with its migrations applied."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from common_auth.callers import Callers
from common_auth.testing import ISSUER, SERVICE_CLIENT, WEB_CLIENT, TestIssuer
from common_auth.tokens import TokenVerifier
from common_service.clock import utc_now
from common_service.database import Database
from common_service.pagination import Cursors
from common_service.testing import TemplateDatabase
from services.user_service.tests.worlds import NOON, World
from user_service.api.use_cases import wire
from user_service.application.ports import StartWork
from user_service.infrastructure.cognito_identities import CognitoIdentities
from user_service.infrastructure.repositories import SqlUserWork
from user_service.wiring import assemble

SERVICE = Path(__file__).parents[1]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def template() -> Iterator[TemplateDatabase]:
    """Make a database with the migrations of this service applied."""
    database = TemplateDatabase(SERVICE, "users", "svc_user")
    yield database
    database.drop()


@pytest.fixture
def database_url(template: TemplateDatabase) -> Iterator[str]:
    """Return the address of a database of this test's own, as the service's login role."""
    with template.clone() as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, pool_size=20)
    yield database
    await database.close()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(params=["memory", "postgres"])
async def start_work(request: pytest.FixtureRequest, world: World) -> AsyncIterator[StartWork]:
    """Return the start of a work over each store in turn."""
    if request.param == "memory":
        yield world.work
        return
    database = Database(request.getfixturevalue("database_url"), pool_size=20)
    yield lambda: SqlUserWork(database)
    await database.close()


@pytest.fixture(scope="session")
def issuer() -> TestIssuer:
    return TestIssuer()


@pytest.fixture
def make_app(issuer: TestIssuer) -> Callable[[StartWork], FastAPI]:
    """Return what builds the application over a store, with tokens of the tests' own issuer."""

    def build(start_work: StartWork) -> FastAPI:
        people = TokenVerifier(issuer, issuer=ISSUER, clients=frozenset({WEB_CLIENT}), now=utc_now)
        services = TokenVerifier(issuer, issuer=ISSUER, clients=frozenset({SERVICE_CLIENT}), now=utc_now)

        async def ready() -> None: ...

        return assemble(
            wire(start_work, CognitoIdentities(people), lambda: NOON),
            Callers(people, services, {"admin": frozenset({"users.read"})}),
            Cursors("a secret of the tests"),
            now=lambda: NOON,
            ready=ready,
        )

    return build


@pytest.fixture
async def http(make_app: Callable[[StartWork], FastAPI], start_work: StartWork) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client of the whole application over each store in turn."""
    transport = httpx2.ASGITransport(make_app(start_work))
    async with httpx2.AsyncClient(transport=transport, base_url="http://user") as client:
        yield client


class SignedIn:
    """A person with both tokens of one sign-in."""

    def __init__(self, issuer: TestIssuer, user_id: UUID, email: str, groups: list[str] | None = None) -> None:
        self.user_id, self.email = user_id, email
        self.headers = {"Authorization": f"Bearer {issuer.reader(user_id, groups=groups)}"}
        self.proof = {"id_token": issuer.identity(user_id, email, **{"cognito:username": "ann"})}
