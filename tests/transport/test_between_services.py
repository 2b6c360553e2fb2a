"""From the outbox of one service's worker to the effect in another's, over each transport that EVENT_BUS can name."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from admin_service.infrastructure.facts import SOURCES
from admin_service.settings import Settings as AdminSettings
from admin_service.wiring import background as admin_background
from common_events.sns_sqs import Listener, ensure_topology
from common_events.testing_aws import running_aws
from common_service.database import Database
from common_service.jobs import supervise
from common_service.serving import Background
from common_service.testing import NOWHERE, TemplateDatabase
from sandbox.servers.redis import running_redis
from services.user_service.tests.worlds import NOON, World, a_user_id, an_identity
from user_service.application.provision_profile import ProvisionProfile
from user_service.infrastructure.heard_events import SOURCES as HEARD_BY_USER
from user_service.infrastructure.repositories import SqlUserWork
from user_service.settings import Settings as UserSettings
from user_service.wiring import background as user_background

pytestmark = pytest.mark.anyio
SERVICES = Path(__file__).parents[2] / "services"
LONG = 60  # only a test that fails waits so long


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["redis", "sns_sqs"])
def over(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Return what the environments of user_service and of admin_service say about events."""
    if request.param == "redis":
        with running_redis(tmp_path / "redis") as server:
            yield {"redis_url": server.url}, {"redis_url": server.url}
        return
    with running_aws() as aws:
        listeners = [
            Listener("admin", SOURCES, ["user.registered"]),
            Listener("user", HEARD_BY_USER, ["user.status_changed"]),
        ]
        made = ensure_topology(aws.sns, aws.sqs, prefix="tc", sources=SOURCES, listeners=listeners)
        queues = {
            name: {"event_queues": {name: {"url": queue.url, "dead_letters_url": queue.dead_letters_url}}}
            for name, queue in made.queues.items()
        }
        bus = {"event_bus": "sns_sqs"}
        yield bus | {"event_topic_arn": made.topics["user"]} | queues["user"], bus | queues["admin"]


@pytest.fixture
def urls() -> Iterator[tuple[str, str]]:
    """Return the addresses of this test's own two databases: user_service's, and admin_service's."""
    users = TemplateDatabase(SERVICES / "user_service", "users", "svc_user")
    admin = TemplateDatabase(SERVICES / "admin_service", "admin", "svc_admin")
    with users.clone() as users_url, admin.clone() as admin_url:
        yield users_url, admin_url


@contextlib.asynccontextmanager
async def working(*workers: Background) -> AsyncIterator[None]:
    """Do the jobs of workers, as their processes do."""
    stop = asyncio.Event()
    jobs = [asyncio.create_task(supervise(job, stop)) for worker in workers for job in worker.jobs]
    yield
    stop.set()
    await asyncio.wait_for(asyncio.gather(*jobs), LONG)
    for worker in workers:
        await worker.close()


async def test_a_registration_in_user_service_reaches_the_index_of_admin_service(
    over: tuple[dict[str, Any], dict[str, Any]], urls: tuple[str, str]
) -> None:
    (telling, hearing), (users_url, admin_url) = over, urls
    world, somebody = World(identities={"token": an_identity()}), a_user_id()
    users, index = Database(users_url, pool_size=2), Database(admin_url, pool_size=2)
    workers = [
        user_background(UserSettings(**NOWHERE | telling | {"database_url": users_url})),
        admin_background(AdminSettings(**NOWHERE | hearing | {"database_url": admin_url})),
    ]
    async with working(*workers):
        await ProvisionProfile(lambda: SqlUserWork(users), world, lambda: NOON)(somebody, "token")
        found = text("SELECT email FROM admin.user_index WHERE user_id = :id")
        async with asyncio.timeout(LONG), index.session() as session:
            while (email := (await session.execute(found, {"id": somebody})).scalar()) is None:
                await asyncio.sleep(0.05)
                await session.rollback()
    assert email == "ann@truecrime.test"
    for database in (users, index):
        await database.close()
