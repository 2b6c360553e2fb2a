"""The service wired to a world, over memory and over a Postgres with its migrations applied."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from common_service.database import Database
from common_service.testing import TemplateDatabase
from services.story_service.tests.memory import MemoryDatabase
from services.story_service.tests.worlds import CountedWork, World
from story_service.application.ports import StartWork

SERVICE = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def template() -> TemplateDatabase:
    """Make a database with the migrations of this service applied."""
    return TemplateDatabase(SERVICE, "story", "svc_story")


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
