"""A lifecycle at the Stripe stand-in, told in any order, twice, in part: the end is always what Stripe says.

PAYMENT_STORM=500 runs as many orders of each kind; without it there are a few.
"""

import asyncio
import multiprocessing
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import datetime
from multiprocessing.context import ForkServerProcess
from typing import Any, LiteralString

import psycopg
import pytest

from common_service.clock import utc_now
from common_service.database import Database
from common_service.ids import uuid7
from common_service.testing import FixedClock, TemplateDatabase
from payment_service.application.load_prices import LoadPrices
from payment_service.application.open_checkout import OpenCheckout, Opened
from payment_service.application.ports import Customer
from payment_service.domain.errors import CheckoutOpen
from payment_service.domain.return_paths import ReturnPaths
from payment_service.infrastructure.stripe_gateway import StripeGateway
from payment_service.infrastructure.webhook_inbox import SqlWebhookInbox
from payment_service.infrastructure.work import SqlPaymentWork
from sandbox.stripe.testing import API_KEY, Stand, running_stripe
from services.payment_service.tests import storm_worker
from services.payment_service.tests.harness import PRO, Harness, attempt, somebody
from services.payment_service.tests.lifecycle import Frame, Life, live
from services.payment_service.tests.worlds import Event, FakeStripe

ORDERS = int(os.environ.get("PAYMENT_STORM", "2"))
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300 + 30 * ORDERS)]
State = dict[str, Any]
_IDLE = """
lookup IS NULL AND requests = answered AND NOT EXISTS (SELECT FROM payment.customer_syncs WHERE requests > answered)
"""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with running_stripe(tmp_path_factory.mktemp("stripe")) as stand:
        yield stand


@pytest.fixture(scope="module")
def gateway(stand: Stand) -> Iterator[StripeGateway]:
    gateway = StripeGateway(API_KEY, api_base=stand.url, web_origin="http://web.test")
    yield gateway
    gateway.close()


@pytest.fixture(scope="module")
async def life(stand: Stand, gateway: StripeGateway) -> Life:
    return await live(stand, gateway, somebody())


@asynccontextmanager
async def a_fresh_start(template: TemplateDatabase, life: Life, now: datetime | None = None) -> AsyncIterator[Harness]:
    """Yield the service over an empty database that knows the customer, before anything was bought."""
    with template.clone() as url:
        database, clock = Database(url), FixedClock(now or life.frames[0].now)
        harness = Harness(lambda: SqlPaymentWork(database), SqlWebhookInbox(database), FakeStripe(clock), clock)
        harness.url = url
        await harness.load_prices()
        async with harness.work() as work:
            await work.customers.add_first(Customer(life.user_id, life.customer_id, clock.now))
            await work.commit()
        yield harness
        await database.close()


def turn_to(harness: Harness, life: Life, frame: Frame) -> None:
    """Let time and Stripe be as they were then."""
    harness.clock.now, stripe, customer = frame.now, harness.stripe, life.customer_id
    stripe.subscriptions[customer] = list(frame.reading.subscriptions)
    stripe.invoices[customer] = list(frame.reading.invoices)
    stripe.reversals[customer] = list(frame.reading.reversals)


async def state(harness: Harness, life: Life) -> State:
    """Return everything that must not depend on how it was learned."""
    async with harness.work() as work:
        subscriptions = await work.subscriptions.of(life.user_id)
        invoices = await work.invoices.page(life.user_id, 1000, None)
        reversals = await work.reversals.of(life.user_id)
        overrides = await work.overrides.of(life.user_id, harness.clock.now)
    return {
        "subscriptions": {
            each.terms.provider_id: (
                each.terms,
                each.plan_code,
                each.past_due_since,
                each.grace_until,
                each.is_superseded,
            )
            for each in subscriptions
        },
        "invoices": {each.reading.provider_id: each.reading for each in invoices},
        "reversals": {each.reading.provider_id: each.reading for each in reversals},
        "overrides": sorted((each.effect, each.feature, each.expires_at, each.reason) for each in overrides),
        "access": (await harness.access(life.user_id)).access,
    }


async def effects(harness: Harness) -> Counter[tuple[str, str]]:
    """Count what was told of each invoice, refund and dispute, and of the birth and death of subscriptions."""
    once = {
        "payment.succeeded": "invoice_id",
        "payment.refunded": "refund_id",
        "payment.disputed": "dispute_id",
        "subscription.created": "subscription_id",
        "subscription.cancelled": "subscription_id",
    }
    return Counter((each.type, str(each.data[once[each.type]])) for each in await harness.told() if each.type in once)


async def storm(harness: Harness, life: Life, chance: random.Random, lost: float) -> None:
    """Tell the events late, twice, in any order, some never, while Stripe and time move on."""
    events: list[Event] = []
    for frame in life.frames:
        turn_to(harness, life, frame)
        for event in frame.events:
            if chance.random() >= lost:
                events += [event] * chance.choice((1, 1, 2, 3))
        chance.shuffle(events)
        now, events = events[: len(events) // 2], events[len(events) // 2 :]
        await harness.deliver(now)
        if chance.random() < 0.6:
            await harness.drain()
        if chance.random() < 0.3:
            await harness.apply_edges()
    await harness.deliver(events)
    await harness.drain()


@pytest.fixture(scope="module")
async def truth(template: TemplateDatabase, life: Life) -> State:
    """Return where it ends for somebody who only looks at the end."""
    async with a_fresh_start(template, life) as harness:
        turn_to(harness, life, life.frames[-1])
        await harness.reconcile_all("pending")
        await harness.deliver(life.frames[-1].events[-1:])
        await harness.drain()
        return await state(harness, life)


async def test_the_life_is_a_long_one(life: Life, truth: State) -> None:
    assert len(life.events) >= 200
    seen = {each.terms.status.value for frame in life.frames for each in frame.reading.subscriptions}
    assert seen == {"trialing", "active", "past_due", "canceled"}
    assert {(each.kind, each.status) for each in life.frames[-1].reading.reversals} == {
        ("refund", "succeeded"),
        ("dispute", "won"),
        ("dispute", "lost"),
        ("dispute", "needs_response"),
    }
    assert (truth["access"].is_entitled, truth["access"].reason) == (False, "access_denied")


@pytest.mark.parametrize("lost", [0.0, 0.1])
async def test_any_order_ends_where_stripe_is(
    template: TemplateDatabase, life: Life, truth: State, lost: float
) -> None:
    for seed in range(ORDERS):
        async with a_fresh_start(template, life) as harness:
            await storm(harness, life, random.Random(f"{seed} {lost}"), lost)
            if lost:
                await harness.reconcile_all()
            assert await state(harness, life) == truth, f"order {seed}"
            counted = await effects(harness)
            assert set(counted.values()) == {1}, f"order {seed}: {counted}"
            paid = {name for name, each in truth["invoices"].items() if each.is_paid}
            assert {name for kind, name in counted if kind == "payment.succeeded"} == paid
            taken = {name for kind, name in counted if kind in {"payment.refunded", "payment.disputed"}}
            assert taken == set(truth["reversals"])


async def test_a_storm_told_again_changes_nothing(template: TemplateDatabase, life: Life, truth: State) -> None:
    async with a_fresh_start(template, life) as harness:
        await storm(harness, life, random.Random(0), 0.0)
        told = len(await harness.told())
        async with harness.work() as work:
            names = [event.id for event in life.events]
            assert len(await work.webhooks.replay(names, life.user_id, harness.clock.now)) == len(names)
            await work.commit()
        await harness.drain()
        report = await harness.reconcile_all()
        assert (len(await harness.told()), report.drifted) == (told, 0)
        assert await state(harness, life) == truth


class Workers:
    """Two workers, forked from a process that has imported everything; whoever is killed is followed by another."""

    def __init__(self, database_url: str, stripe_url: str) -> None:
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload([storm_worker.__name__])
        self._words = database_url, stripe_url
        self._running = [self._start() for _ in range(2)]

    def _start(self) -> ForkServerProcess:
        worker = self._processes.Process(target=storm_worker.main, args=self._words, daemon=True)
        worker.start()
        return worker

    def kill(self, which: int) -> None:
        self._running[which].kill()
        self._running[which].join()
        self._running[which] = self._start()

    def end(self) -> None:
        for worker in self._running:
            worker.kill()
            worker.join()


@contextmanager
def working(database_url: str, stripe_url: str) -> Iterator[Workers]:
    workers = Workers(database_url, stripe_url)
    try:
        yield workers
    finally:
        workers.end()


async def until(queue: psycopg.AsyncConnection, *conditions: LiteralString) -> int:
    """Wait for one of the conditions over the queue of syncs; return which."""
    counts = ", ".join(f"count(*) FILTER (WHERE {condition}) > 0" for condition in conditions)
    query = psycopg.sql.SQL("SELECT ARRAY[{}] FROM payment.customer_syncs").format(psycopg.sql.SQL(counts))
    async with asyncio.timeout(240):
        while True:
            found = await (await queue.execute(query)).fetchone()
            if found and True in found[0]:
                return int(found[0].index(True))
            await asyncio.sleep(0.002)


async def test_two_workers_killed_in_the_midst_of_syncs_end_where_stripe_is(
    template: TemplateDatabase, life: Life, stand: Stand
) -> None:
    now, chance, kills = utc_now(), random.Random(7), max(3, ORDERS // 10)
    async with a_fresh_start(template, life, now) as reference:
        turn_to(reference, life, replace(life.frames[-1], now=now))
        await reference.deliver(life.events[-1:])
        await reference.drain()
        expected = await state(reference, life)
    async with a_fresh_start(template, life, now) as harness:
        events = life.events * 2
        chance.shuffle(events)
        caught = 0
        with working(harness.url, stand.url) as workers:
            async with await psycopg.AsyncConnection.connect(harness.url, autocommit=True) as queue:
                for part in range(kills):
                    if part % 5 == 4:  # a customer whose sync kills its worker twelve times in a row is given up
                        await until(queue, _IDLE)
                    await harness.deliver(events[part :: kills + 1])
                    # what came before asks for no sync, and a sync may be over before anybody looks
                    caught += await until(queue, _IDLE, "lease_until > clock_timestamp()")
                    workers.kill(chance.randrange(2))
                    if chance.random() < 0.5:
                        workers.kill(chance.randrange(2))
                await harness.deliver(events[kills :: kills + 1])
                await until(queue, _IDLE)
        assert caught >= kills // 2, "in the midst of syncs"
        assert await state(harness, life) == expected
        assert set((await effects(harness)).values()) == {1}


async def test_fifty_parallel_checkouts_make_one_customer_and_one_session(
    template: TemplateDatabase, life: Life, gateway: StripeGateway
) -> None:
    user_id = somebody()
    async with a_fresh_start(template, life, utc_now()) as harness:
        assert await LoadPrices(harness.work, gateway, uuid7)() == []
        open_checkout = OpenCheckout(harness.work, gateway, ReturnPaths(["/"]), utc_now, uuid7)
        tries = (open_checkout(attempt(user_id, f"key-{number}"), PRO) for number in range(50))
        answers = await asyncio.gather(*tries, return_exceptions=True)
        opened = [each for each in answers if isinstance(each, Opened)]
        assert len(opened) == 1
        assert all(isinstance(each, (Opened, CheckoutOpen)) for each in answers)
    customers = gateway.calls.client.v1.customers.list({"limit": 100}).data
    [mine] = [each.id for each in customers if each.to_dict()["metadata"] == {"user_id": str(user_id)}]
    sessions = gateway.calls.client.v1.checkout.sessions.list({"customer": mine, "status": "open"}).data
    assert len(sessions) == 1
