"""The service wired to a world, and to a Postgres with its migrations applied."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from common_auth.testing import TestIssuer
from common_service.database import Database
from common_service.pagination import Cursors
from common_service.rate_limit import RateLimits
from common_service.testing import FixedClock, TemplateDatabase, ready
from common_service.testing_apps import SharedApp
from payment_service.api.use_cases import UseCases, wire
from payment_service.application.ports import StartWork
from payment_service.application.sync_ports import WebhookInbox
from payment_service.infrastructure.webhook_inbox import SqlWebhookInbox
from payment_service.infrastructure.work import SqlPaymentWork
from payment_service.settings import Settings
from payment_service.wiring import assemble
from services.payment_service.tests.harness import TTL, Harness
from services.payment_service.tests.memory import Memory
from services.payment_service.tests.worlds import FakeStripe

SERVICE = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def template() -> TemplateDatabase:
    """Make a database with the migrations of this service applied."""
    return TemplateDatabase(SERVICE, "payment", "svc_payment")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def postgres(database: Database, clock: FixedClock) -> Harness:
    """Return the service over Postgres and a fake Stripe."""
    return await _harness(lambda: SqlPaymentWork(database), SqlWebhookInbox(database), clock)


@pytest.fixture(params=["memory", "postgres"])
async def harness(request: pytest.FixtureRequest, clock: FixedClock) -> AsyncIterator[Harness]:
    """Return the service over each store in turn and a fake Stripe."""
    if request.param == "memory":
        memory = Memory()
        yield await _harness(memory.work, memory, clock)
        return
    database = Database(request.getfixturevalue("database_url"), pool_size=20)
    yield await _harness(lambda: SqlPaymentWork(database), SqlWebhookInbox(database), clock)
    await database.close()


async def _harness(start_work: StartWork, inbox: WebhookInbox, clock: FixedClock) -> Harness:
    harness = Harness(start_work, inbox, FakeStripe(clock), clock)
    await harness.load_prices()
    return harness


@pytest.fixture(scope="session")
def app(issuer: TestIssuer) -> SharedApp[UseCases]:
    """Return the application with tokens of the tests' own issuer."""
    callers = issuer.callers(
        {"admin": frozenset({"billing.read", "billing.write", "entitlements.write", "plans.write"})}
    )

    def build(use_cases: UseCases, limits: RateLimits) -> FastAPI:
        cursors = Cursors("a secret of the tests")
        return assemble(use_cases, callers, cursors, ttl_seconds=TTL, ready=ready, limits=limits)

    return SharedApp(build, Settings.default_rates)


@pytest.fixture
def make_app(app: SharedApp[UseCases]) -> Callable[[Harness], FastAPI]:
    """Return what puts the application over a harness."""
    return lambda harness: app.over(wire(harness.world))


@pytest.fixture
async def http(make_app: Callable[[Harness], FastAPI], harness: Harness) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client of the whole application over each store in turn."""
    transport = httpx2.ASGITransport(make_app(harness))
    async with httpx2.AsyncClient(transport=transport, base_url="http://payment") as client:
        yield client
