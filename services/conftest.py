"""What the tests of every service share; each brings a `template`: the database with its own migrations applied."""

from collections.abc import AsyncIterator, Iterator

import pytest

from common_auth.testing import TestIssuer
from common_service.database import Database
from common_service.testing import TemplateDatabase
from common_service.testing_lending import DatabaseLender
from common_service.testing_migrations import Migrations, migrations_of


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def issuer() -> TestIssuer:
    return TestIssuer()


@pytest.fixture(scope="session")
def lenders() -> Iterator[dict[str, DatabaseLender]]:
    """Return what lends databases, by the schema of the service whose migrations made them."""
    lenders: dict[str, DatabaseLender] = {}
    yield lenders
    for lender in lenders.values():
        lender.close()


@pytest.fixture
def database_url(template: TemplateDatabase, lenders: dict[str, DatabaseLender]) -> Iterator[str]:
    """Return the address of a database of this test's own, as the service's login role."""
    with lenders.setdefault(template.schema, DatabaseLender(template)).lent() as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, pool_size=20)
    yield database
    await database.close()


@pytest.fixture
def migrations(template: TemplateDatabase) -> Iterator[Migrations]:
    """Return the migrations of the service, on an empty database."""
    with migrations_of(template) as migrations:
        yield migrations
