"""What breaks in a way that nobody foresaw is put off and told like any other failure."""

import asyncio

import pytest

from common_service.clock import utc_now
from common_service.ids import uuid7
from payment_service.application.sync_customer import SyncCustomer
from payment_service.infrastructure.due_syncs import DueSyncs
from payment_service.infrastructure.sync_dispatcher import SyncDispatcher
from services.payment_service.tests.harness import GRACE, TTL, Harness, somebody

pytestmark = pytest.mark.anyio


async def test_a_sync_that_breaks_is_put_off(postgres: Harness, database_url: str) -> None:
    customer = await postgres.subscribe(somebody())
    await postgres.deliver([postgres.stripe.tell("invoice.updated", customer)])

    async def breaks() -> None:
        raise ZeroDivisionError

    postgres.stripe.before_answer = breaks
    stop, reasons = asyncio.Event(), list[str]()

    def failed(reason: str) -> None:
        reasons.append(reason)
        stop.set()

    sync = SyncCustomer(postgres.work, postgres.stripe, utc_now, uuid7, GRACE, TTL)
    async with asyncio.timeout(30):
        await SyncDispatcher(sync, DueSyncs(database_url), at_once=1, failed=failed).run(stop)
    async with postgres.work() as work:
        [kept] = await work.webhooks.page("failed", 9, None)
    assert (reasons, kept.last_error) == (["ZeroDivisionError"], "ZeroDivisionError")
