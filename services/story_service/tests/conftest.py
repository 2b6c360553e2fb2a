"""The service wired to a world, over memory and over a Postgres with its migrations applied."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from common_auth.testing import TestIssuer
from common_service.database import Database
from common_service.testing import TemplateDatabase
from services.story_service.tests.memory import MemoryDatabase
from services.story_service.tests.worlds import CountedWork, World
from story_service.application.ports import StartWork

SERVICE = Path(__file__).parents[1]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def template() -> Iterator[TemplateDatabase]:
    """Make a database with the migrations of this service applied."""
    database = TemplateDatabase(SERVICE, "story", "svc_story")
    yield database
    database.drop()


@pytest.fixture
def database_url(template: TemplateDatabase) -> Iterator[str]:
    """Return the address of a database of this test's own, as the service's login role."""
    with template.clone() as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, pool_size=10)
    yield database
    await database.close()


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


@pytest.fixture(scope="session")
def issuer() -> TestIssuer:
    return TestIssuer()
