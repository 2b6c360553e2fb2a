"""What breaks in a way that nobody foresaw is put off and told like any other failure."""

import asyncio

import psycopg
import pytest

from common_service.clock import utc_now
from common_service.ids import uuid7
from payment_service.application.sync_customer import LEASE, SyncCustomer
from payment_service.application.sync_ports import InboxSearch
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
        [kept] = await work.webhooks.page(InboxSearch("failed"), 9, None)
    assert (reasons, kept.last_error) == (["ZeroDivisionError"], "ZeroDivisionError")


async def test_an_open_sync_ends_although_the_queue_cannot_be_read(postgres: Harness, database_url: str) -> None:
    customer = await postgres.subscribe(somebody())
    await postgres.deliver([postgres.stripe.tell("invoice.updated", customer)])
    reading, broken = asyncio.Event(), asyncio.Event()

    class Breaking(DueSyncs):
        async def any(self) -> bool:
            if reading.is_set():
                broken.set()
                raise psycopg.OperationalError
            return await super().any()

    async def waits() -> None:
        reading.set()
        await broken.wait()
        await asyncio.sleep(0)  # the dispatcher is at its end by now

    postgres.stripe.before_answer = waits
    sync = SyncCustomer(postgres.work, postgres.stripe, utc_now, uuid7, GRACE, TTL)
    async with asyncio.timeout(30):
        with pytest.raises(psycopg.OperationalError):
            await SyncDispatcher(sync, Breaking(database_url), at_once=2).run(asyncio.Event())
    async with postgres.work() as work:
        assert await work.webhooks.page(InboxSearch("processing"), 9, None) == []
        assert await work.syncs.claim(utc_now() + LEASE, LEASE) is None
