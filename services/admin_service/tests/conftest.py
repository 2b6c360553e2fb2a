"""The service wired to a world, and to a Postgres with its migrations applied."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from admin_service.api.routes import UseCases
from admin_service.application.list_users import ListUsers
from admin_service.application.ports import StartWork
from admin_service.application.read_user import ReadUser
from admin_service.infrastructure.repositories import SqlAdminWork
from admin_service.settings import Settings
from admin_service.wiring import assemble
from common_auth.testing import TestIssuer
from common_service.database import Database
from common_service.pagination import Cursors
from common_service.testing import TemplateDatabase, ready
from common_service.testing_apps import SharedApp
from services.admin_service.tests.worlds import NOON, World

SERVICE = Path(__file__).parents[1]
POLICY = {"admin": frozenset({"users.read", "users.write"}), "accountants": frozenset({"billing.read"})}


@pytest.fixture(scope="session")
def template() -> TemplateDatabase:
    """Make a database with the migrations of this service applied."""
    return TemplateDatabase(SERVICE, "admin", "svc_admin")


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(params=["memory", "postgres"])
def start_work(request: pytest.FixtureRequest, world: World) -> StartWork:
    """Return the start of a work over each store in turn."""
    if request.param == "memory":
        return world.work
    database: Database = request.getfixturevalue("database")
    return lambda: SqlAdminWork(database)


@pytest.fixture(scope="session")
def app(issuer: TestIssuer) -> SharedApp[UseCases]:
    """Return the application with tokens of the tests' own issuer."""
    callers, cursors = issuer.callers(POLICY), Cursors("a secret of the tests")
    return SharedApp(
        lambda use_cases, _: assemble(use_cases, callers, cursors, permissions=POLICY, ready=ready),
        Settings.default_rates,
    )


@pytest.fixture
async def http(start_work: StartWork, world: World, app: SharedApp[UseCases]) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client of the whole application over each store in turn, with the world's services around it."""
    use_cases = UseCases(ListUsers(start_work, lambda: NOON), ReadUser(start_work, world.sources, budget_seconds=0.3))
    transport = httpx2.ASGITransport(app.over(use_cases))
    async with httpx2.AsyncClient(transport=transport, base_url="http://admin") as client:
        yield client
