"""A claim stands for as long as it is renewed; what kills its worker each time is given up, and can be replayed."""

import asyncio
from datetime import timedelta

import psycopg
import pytest

from common_service.clock import utc_now
from common_service.ids import uuid7
from payment_service.application.sync_customer import LEASE, NEVER_ENDED, SyncCustomer
from payment_service.application.sync_ports import MOST_ATTEMPTS, ClaimedSync, InboxSearch
from payment_service.domain.access import Cause
from payment_service.domain.ids import CustomerId
from payment_service.domain.subscription import ProviderStatus
from payment_service.infrastructure.due_syncs import DueSyncs
from payment_service.infrastructure.sync_dispatcher import SyncDispatcher
from services.payment_service.tests.harness import GRACE, TTL, Harness, somebody

pytestmark = pytest.mark.anyio


async def asked(harness: Harness) -> CustomerId:
    customer = await harness.subscribe(somebody())
    await harness.deliver([harness.stripe.tell("invoice.updated", customer)])
    harness.stripe.events.clear()
    return customer


async def claimed(harness: Harness) -> ClaimedSync:
    claim = await harness.sync.claim()
    assert claim is not None
    return claim


async def wear_out(harness: Harness) -> None:
    """Let every worker die that is allowed to try."""
    for _ in range(MOST_ATTEMPTS):
        await claimed(harness)
        harness.clock.advance(seconds=LEASE.total_seconds())


async def test_a_renewed_claim_is_nobody_else_s(harness: Harness) -> None:
    await asked(harness)
    slow = await claimed(harness)
    for _ in range(3):
        harness.clock.advance(seconds=LEASE.total_seconds() - 1)
        assert await harness.sync.renew(slow)
        assert await harness.sync.claim() is None
    assert await harness.sync(slow) is None
    assert not await harness.sync.renew(slow)
    harness.clock.advance(seconds=1)
    await harness.deliver([harness.stripe.tell("invoice.updated", slow.customer_id)])
    assert await harness.sync.claim() is not None, "what has ended was renewed"


async def test_a_sync_that_takes_longer_than_its_lease_is_done_once(postgres: Harness, database_url: str) -> None:
    lease, stop = timedelta(milliseconds=60), asyncio.Event()
    user_id = somebody()
    customer = await postgres.subscribe(user_id)
    postgres.stripe.change(customer, status=ProviderStatus.CANCELED)
    await postgres.deliver(postgres.stripe.events)
    sync = SyncCustomer(postgres.work, postgres.stripe, utc_now, uuid7, GRACE, TTL, lease=lease)
    rival = SyncCustomer(postgres.work, postgres.stripe, utc_now, uuid7, GRACE, TTL)
    held = "SELECT count(*) FROM payment.customer_syncs WHERE lease_until > %s"

    async def takes_long() -> None:
        end = utc_now() + 3 * lease
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            while await (await connection.execute(held, (end,))).fetchone() == (0,):
                await connection.execute("SELECT pg_sleep(0.01)")
        assert await rival.claim() is None
        stop.set()

    postgres.stripe.before_answer, calls = takes_long, postgres.stripe.calls
    async with asyncio.timeout(30):
        await SyncDispatcher(sync, DueSyncs(database_url), at_once=1).run(stop)
    assert postgres.stripe.calls == calls + 1
    assert not (await postgres.access(user_id)).access.is_entitled


async def test_what_kills_its_worker_each_time_is_given_up(harness: Harness) -> None:
    customer = await asked(harness)
    given_up = list[str]()
    await wear_out(harness)
    sync = SyncCustomer(harness.work, harness.stripe, harness.clock, uuid7, GRACE, TTL, given_up=given_up.append)
    assert await sync.claim() is None
    async with harness.work() as work:
        [dead] = await work.webhooks.page(InboxSearch("dead"), 9, None)
    assert (dead.customer_id, dead.last_error, given_up) == (customer, NEVER_ENDED, [NEVER_ENDED])
    told = [fact.data for fact in await harness.told() if fact.type == "webhook.dead"]
    assert told == [{"event_id": dead.event_id, "type": "invoice.updated", "error": NEVER_ENDED}]
    harness.clock.advance(days=2)
    assert await sync.claim() is None
    await harness.use_cases.replay_webhooks.one(dead.event_id, somebody())
    again = await claimed(harness)
    assert again.attempts == 1
    assert await harness.sync(again) is None


async def test_the_next_is_claimed_past_what_was_given_up(harness: Harness) -> None:
    await asked(harness)
    await wear_out(harness)
    harness.clock.advance(seconds=1)
    other = await asked(harness)
    assert (await claimed(harness)).customer_id == other


async def test_what_was_given_up_gets_one_attempt_more_from_the_clock(harness: Harness) -> None:
    customer = await asked(harness)
    await wear_out(harness)
    assert await harness.sync.claim() is None
    async with harness.work() as work:
        await work.syncs.request([customer], Cause("reconcile", str(uuid7())), harness.clock())
        await work.commit()
    assert (await claimed(harness)).attempts == MOST_ATTEMPTS
    harness.clock.advance(seconds=LEASE.total_seconds())


async def test_who_has_new_work_waits_behind_who_has_waited_longer(harness: Harness) -> None:
    """Whether it comes in the midst of a sync or long after the last one."""
    patient, busy = await harness.subscribe(somebody()), await asked(harness)
    first = await claimed(harness)
    assert first.customer_id == busy
    harness.clock.advance(seconds=1)
    await harness.deliver([harness.stripe.tell("invoice.updated", patient)])
    harness.clock.advance(seconds=1)
    await harness.deliver([harness.stripe.tell("invoice.updated", busy)])
    assert await harness.sync(first) is None
    assert (await claimed(harness)).customer_id == patient
    assert (await claimed(harness)).customer_id == busy


async def test_who_was_done_long_ago_waits_in_turn(harness: Harness) -> None:
    quiet, patient = await harness.subscribe(somebody()), await harness.subscribe(somebody())
    harness.clock.advance(days=1)
    await harness.deliver([harness.stripe.tell("invoice.updated", patient)])
    harness.clock.advance(seconds=1)
    await harness.deliver([harness.stripe.tell("invoice.updated", quiet)])
    assert (await claimed(harness)).customer_id == patient


async def test_who_is_asked_for_again_keeps_their_place(harness: Harness) -> None:
    first, second = await harness.subscribe(somebody()), await harness.subscribe(somebody())
    for customer in (first, second, first):
        harness.clock.advance(seconds=1)
        async with harness.work() as work:
            await work.syncs.ask([customer], Cause("manual", "again"), harness.clock())
            await work.commit()
    assert (await claimed(harness)).customer_id == first
