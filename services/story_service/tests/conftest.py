"""The service wired to a world, over memory and over a Postgres with its migrations applied."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from common_auth.testing import TestIssuer
from common_service.database import Database
from common_service.pagination import Cursors
from common_service.rate_limit import RateLimits
from common_service.testing import NOWHERE, TemplateDatabase, ready
from common_service.testing_apps import SharedApp
from services.story_service.tests.memory import MemoryDatabase
from services.story_service.tests.worlds import CountedWork, World
from story_service.api.use_cases import UseCases
from story_service.application.ports import StartWork
from story_service.settings import Settings
from story_service.wiring.http import assemble

SERVICE = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def template() -> TemplateDatabase:
    """Make a database with the migrations of this service applied."""
    return TemplateDatabase(SERVICE, "story", "svc_story")


@pytest.fixture(scope="session")
def shared_app(issuer: TestIssuer) -> SharedApp[UseCases]:
    """Return the application with tokens of the tests' own issuer, and an admin who may do what a run lets her do."""
    callers = issuer.callers(Settings(**NOWHERE | {"openai_api_key": "none"}).group_permissions)

    def build(use_cases: UseCases, limits: RateLimits) -> FastAPI:
        return assemble(use_cases, callers, Cursors("a secret of the tests"), ready=ready, limits=limits)

    return SharedApp(build, Settings.default_rates)


@pytest.fixture
def app(shared_app: SharedApp[UseCases], world: World) -> FastAPI:
    """Return the application over the test's world."""
    return shared_app.over(world.use)


@pytest.fixture(params=["memory", "postgres"])
async def start_work(request: pytest.FixtureRequest) -> AsyncIterator[StartWork]:
    """Return the start of a work over each store in turn."""
    if request.param == "memory":
        yield MemoryDatabase().work
        return
    database = Database(request.getfixturevalue("database_url"), pool_size=10)
    yield lambda: CountedWork(database)
    await database.close()


@pytest.fixture
async def world(start_work: StartWork) -> AsyncIterator[World]:
    world = World(start_work)
    yield world
    await world.engine.runs.drain(0)
