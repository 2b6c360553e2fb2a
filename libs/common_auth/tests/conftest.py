"""payment_service as these tests need it, a gate that asks it, and gates as if in processes of their own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from redis.asyncio import Redis

from common_auth.gate import AccessGate
from common_auth.shared_access import SharedAccess
from libs.common_auth.tests.peers import LONG, Payment, Process


@pytest.fixture
def payment() -> Payment:
    return Payment()


@pytest.fixture
async def gate(payment: Payment) -> AsyncIterator[AccessGate]:
    async with payment.http() as http:
        yield payment.gate(http)


@pytest.fixture
async def process(payment: Payment, redis_url: str) -> AsyncIterator[Process]:
    """Start "processes": each has a gate, memory and connections of its own."""
    payment.good_tokens = {f"token-{n}" for n in range(100)}  # each process has its own
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(payment.http())

        def start(*, timeout_seconds: float = LONG) -> AccessGate:
            client = Redis.from_url(redis_url)
            stack.push_async_callback(client.aclose)
            shared = SharedAccess(client, patience_seconds=LONG)
            return payment.gate(http, shared=shared, timeout_seconds=timeout_seconds)

        yield start
