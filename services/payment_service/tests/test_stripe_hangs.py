"""While Stripe takes calls and never answers, webhooks are taken in as ever, and nothing piles up."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
import psycopg
import pytest
from fastapi import FastAPI

from common_service.clock import utc_now
from common_service.ids import uuid7
from common_service.testing import eventually
from payment_service.application.sync_customer import SyncCustomer
from payment_service.application.sync_ports import InboxSearch
from payment_service.infrastructure.due_syncs import DueSyncs
from payment_service.infrastructure.stripe_gateway import StripeGateway
from payment_service.infrastructure.sync_dispatcher import SyncDispatcher
from services.payment_service.tests.harness import GRACE, TTL, Harness
from services.payment_service.tests.worlds import signature

pytestmark = pytest.mark.anyio
_AT_ONCE, _CALLS_OF_A_SYNC, _POOL = 3, 3, 10


@dataclass
class Hanging:
    """A Stripe that listens and says nothing until it hangs up. `most` connections were open at once."""

    server: asyncio.Server | None = None
    most: int = 0
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        self.most = max(self.most, len(self.writers))
        while await reader.read(4096):
            pass
        self.writers.discard(writer)
        writer.close()

    @property
    def url(self) -> str:
        assert self.server is not None
        return f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    def hang_up(self) -> None:
        assert self.server is not None
        self.server.close()
        for writer in self.writers:
            writer.transport.abort()


@asynccontextmanager
async def a_stripe_that_never_answers() -> AsyncIterator[Hanging]:
    hanging = Hanging()
    hanging.server = await asyncio.start_server(hanging.take, "127.0.0.1", 0)
    try:
        yield hanging
    finally:
        hanging.hang_up()


@asynccontextmanager
async def a_worker(harness: Harness, gateway: StripeGateway, database_url: str) -> AsyncIterator[None]:
    stop = asyncio.Event()
    sync = SyncCustomer(harness.work, gateway, utc_now, uuid7, GRACE, TTL)
    running = asyncio.create_task(SyncDispatcher(sync, DueSyncs(database_url), at_once=_AT_ONCE).run(stop))
    try:
        yield
    finally:
        stop.set()
        await running
        gateway.close()


async def test_webhooks_are_taken_in_while_stripe_hangs(
    postgres: Harness, database_url: str, make_app: Callable[[Harness], FastAPI]
) -> None:
    transport = httpx2.ASGITransport(make_app(postgres))

    async def deliver(count: int) -> list[int]:
        """Let so many webhooks of as many customers come at once; return how they are answered."""
        events = [postgres.stripe.tell("invoice.paid", f"cus_{uuid7()}").body for _ in range(count)]
        async with httpx2.AsyncClient(transport=transport, base_url="http://payment") as http:
            answers = await asyncio.gather(
                *(
                    http.post(
                        "/webhooks/stripe", content=body, headers={"Stripe-Signature": signature(body, utc_now())}
                    )
                    for body in events
                )
            )
        return [answer.status_code for answer in answers]

    async with a_stripe_that_never_answers() as stripe:
        gateway = StripeGateway("sk_test_hanging", api_base=stripe.url, web_origin="http://web.test")
        async with a_worker(postgres, gateway, database_url):
            assert await deliver(2 * _AT_ONCE) == [200] * 2 * _AT_ONCE
            await eventually(lambda: len(stripe.writers) == _AT_ONCE * _CALLS_OF_A_SYNC)
            assert await deliver(60) == [200] * 60
            async with postgres.work() as work:
                kept = await work.webhooks.page(InboxSearch(), 99, None)
            states = [each.state for each in kept]
            assert (states.count("processing"), states.count("received")) == (_AT_ONCE, 60 + _AT_ONCE)
            assert stripe.most == _AT_ONCE * _CALLS_OF_A_SYNC
            with psycopg.connect(database_url) as connection:
                query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                [count] = connection.execute(query).fetchone() or [0]
            assert count <= _POOL + 2, "the pool, the look at the queue, and this very look"
            stripe.hang_up()
