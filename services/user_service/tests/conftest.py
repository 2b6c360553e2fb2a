"""The service wired to a world, and to a Postgres with its migrations applied."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from common_auth.testing import TestIssuer
from common_service.database import Database
from common_service.ids import uuid7
from common_service.pagination import Cursors
from common_service.rate_limit import RateLimits
from common_service.testing import TemplateDatabase, ready
from common_service.testing_apps import SharedApp
from services.user_service.tests.worlds import NOON, MemoryDoors, World
from user_service.api.use_cases import UseCases, wire
from user_service.api.use_cases import World as Adapters
from user_service.application.ports import StartWork
from user_service.infrastructure.cognito_identities import CognitoIdentities
from user_service.infrastructure.repositories import SqlUserWork
from user_service.settings import Settings
from user_service.wiring import assemble

SERVICE = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def template() -> TemplateDatabase:
    """Make a database with the migrations of this service applied."""
    return TemplateDatabase(SERVICE, "users", "svc_user")


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(params=["memory", "postgres"])
def start_work(request: pytest.FixtureRequest, world: World) -> StartWork:
    """Return the start of a work over each store in turn."""
    if request.param == "memory":
        return world.work
    database: Database = request.getfixturevalue("database")
    return lambda: SqlUserWork(database)


@pytest.fixture(scope="session")
def app(issuer: TestIssuer) -> SharedApp[UseCases]:
    """Return the application with tokens of the tests' own issuer."""
    callers = issuer.callers({"admin": frozenset({"users.read", "users.write"}), "support": frozenset({"users.read"})})

    def build(use_cases: UseCases, limits: RateLimits) -> FastAPI:
        cursors = Cursors("a secret of the tests")
        return assemble(use_cases, callers, cursors, now=lambda: NOON, ready=ready, limits=limits)

    return SharedApp(build, Settings.default_rates)


@pytest.fixture
def make_app(app: SharedApp[UseCases], issuer: TestIssuer, world: World) -> Callable[[StartWork], FastAPI]:
    """Return what puts the application over a store."""
    identities = CognitoIdentities(issuer.verifier())
    doors = MemoryDoors(world)
    return lambda start_work: app.over(wire(Adapters(start_work, identities, doors, lambda: NOON, uuid7)))


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
