"""Webhooks, syncs and replays wait for each other's rows, and never in a circle."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import psycopg
import pytest

from payment_service.application.sync_ports import InboxSearch
from payment_service.domain.ids import CustomerId
from services.payment_service.tests.harness import Harness, somebody

pytestmark = pytest.mark.anyio
ADMIN = UUID(int=7)


async def until_waiting(database_url: str, sessions: int) -> None:
    """Wait until so many sessions wait for locks."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        while (await (await connection.execute(query)).fetchone() or (0,))[0] < sessions:
            await connection.execute("SELECT pg_sleep(0.01)")


async def held(database_url: str, query: str, name: str, *those: Callable[[], Awaitable[object]]) -> None:
    """Hold a row while those begin, each behind the one before, and let them end."""
    async with (
        asyncio.timeout(30),
        asyncio.TaskGroup() as tasks,
        await psycopg.AsyncConnection.connect(database_url) as holder,
    ):
        await holder.execute(query.encode(), (name,))
        for number, start in enumerate(those, 1):
            tasks.create_task(_run(start))
            await until_waiting(database_url, number)


async def _run(start: Callable[[], Awaitable[object]]) -> None:
    await start()


async def test_a_refund_finds_its_customer_while_webhooks_of_both_come(postgres: Harness, database_url: str) -> None:
    user_id, stripe = somebody(), postgres.stripe
    customer = await postgres.subscribe(user_id)
    refund = stripe.take_back(customer, "refund", "pending")
    await postgres.deliver(stripe.events)
    claimed = await postgres.sync.claim()
    assert claimed is not None
    assert claimed.customer_id == CustomerId(refund)
    stripe.events.clear()
    stripe.decide(customer, refund, "succeeded")
    stripe.tell("invoice.updated", customer)

    async def both() -> None:
        async with postgres.work() as work:  # as one statement of the inbox does for a group
            await work.syncs.ask([customer, CustomerId(refund)], claimed.cause, postgres.clock())
            await work.commit()

    row = "SELECT 1 FROM payment.customer_syncs WHERE provider_customer_id = %s FOR UPDATE"
    await held(database_url, row, customer, both, lambda: postgres.sync(claimed))
    await postgres.settle()
    assert not (await postgres.access(user_id)).access.is_entitled


async def test_a_replay_while_its_customer_is_synced(postgres: Harness, database_url: str) -> None:
    customer = await postgres.subscribe(somebody())
    event = postgres.stripe.tell("invoice.updated", customer)
    await postgres.deliver([event])
    claimed = await postgres.sync.claim()
    assert claimed is not None
    row = "SELECT 1 FROM payment.webhook_inbox WHERE event_id = %s FOR UPDATE"

    async def replay() -> None:
        await postgres.use_cases.replay_webhooks.one(event.id, ADMIN)

    await held(database_url, row, event.id, replay, lambda: postgres.sync(claimed))
    await postgres.drain()
    async with postgres.work() as work:
        assert {each.state for each in await work.webhooks.page(InboxSearch(), 20, None)} == {"processed"}
