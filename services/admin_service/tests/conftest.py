"""The service wired to a world, and to a Postgres with its migrations applied."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest

from admin_service.api.routes import UseCases
from admin_service.application.list_users import ListUsers
from admin_service.application.ports import StartWork
from admin_service.application.read_user import ReadUser
from admin_service.infrastructure.repositories import SqlAdminWork
from admin_service.wiring import assemble
from common_auth.callers import Callers
from common_auth.testing import ISSUER, SERVICE_CLIENT, WEB_CLIENT, TestIssuer
from common_auth.tokens import TokenVerifier
from common_service.clock import utc_now
from common_service.database import Database
from common_service.pagination import Cursors
from common_service.testing import TemplateDatabase
from services.admin_service.tests.worlds import NOON, World

SERVICE = Path(__file__).parents[1]
POLICY = {"admin": frozenset({"users.read", "users.write"}), "accountants": frozenset({"billing.read"})}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def template() -> Iterator[TemplateDatabase]:
    """Make a database with the migrations of this service applied."""
    database = TemplateDatabase(SERVICE, "admin", "svc_admin")
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
    yield lambda: SqlAdminWork(database)
    await database.close()


@pytest.fixture(scope="session")
def issuer() -> TestIssuer:
    return TestIssuer()


@pytest.fixture
async def http(start_work: StartWork, world: World, issuer: TestIssuer) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client of the whole application over each store in turn, with the world's services around it."""
    people = TokenVerifier(issuer, issuer=ISSUER, clients=frozenset({WEB_CLIENT}), now=utc_now)
    services = TokenVerifier(issuer, issuer=ISSUER, clients=frozenset({SERVICE_CLIENT}), now=utc_now)

    async def ready() -> None: ...

    app = assemble(
        UseCases(ListUsers(start_work, lambda: NOON), ReadUser(start_work, world.sources, budget_seconds=0.3)),
        Callers(people, services, POLICY),
        Cursors("a secret of the tests"),
        permissions=POLICY,
        ready=ready,
    )
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://admin") as client:
        yield client
