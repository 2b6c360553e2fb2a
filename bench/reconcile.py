"""Reconciliation of 100,000 subscriptions of which ten differ: how long the comparison takes, and what memory it holds.

python -m bench.reconcile [--subscriptions N]. The provider's pages are made in memory, so the time is ours.
"""

import argparse
import asyncio
import contextlib
import resource
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import uvloop

from bench.measuring import Figure, show
from bench.webhooks import payment_database
from common_service.clock import utc_now
from common_service.database import Database
from common_service.ids import uuid7
from common_service.logging import configure_logging
from payment_service.application.ports import StartWork
from payment_service.application.reconcile import Reconcile, RequestReconcile
from payment_service.application.sync_ports import Owned, Pages
from payment_service.domain.ids import CustomerId
from payment_service.domain.invoice import InvoiceReading
from payment_service.domain.reversal import ReversalKind, ReversalReading
from payment_service.domain.subscription import ProviderStatus, SubscriptionReading, Terms
from payment_service.infrastructure.work import SqlPaymentWork

_PAGE, _DIFFERING = 100, 10
_START = datetime(2026, 1, 1, tzinfo=UTC)
_FILL = """
INSERT INTO payment.plan_prices (id, plan_code, provider_price_id, currency, unit_amount, interval)
  VALUES (gen_random_uuid(), 'pro', 'price_pro', 'usd', 999, 'month');
INSERT INTO payment.customers (user_id, provider_customer_id, created_at)
  SELECT md5(n::text)::uuid, 'cus_' || n, %(start)s FROM generate_series(1, %(count)s) AS n;
INSERT INTO payment.subscriptions (id, user_id, provider_subscription_id, plan_code, provider_status,
    current_period_start, current_period_end, provider_object_at, created_at)
  SELECT gen_random_uuid(), md5(n::text)::uuid, 'sub_' || n, 'pro', 'active', %(start)s, %(end)s, %(start)s,
    %(start)s + n * interval '1 second' FROM generate_series(1, %(count)s) AS n;
"""


class Ledger:
    """Lists that are made as they are read."""

    def __init__(self, count: int) -> None:
        self._count, self._step = count, count // _DIFFERING

    async def subscription_pages(self) -> Pages[SubscriptionReading]:
        """Go through all, youngest first."""
        for first in range(self._count, 0, -_PAGE):
            yield self._page(first)

    async def invoice_pages(self, since: datetime) -> Pages[InvoiceReading]:  # noqa: ARG002 - the port says so
        """Go through none."""
        for _ in ():
            yield _

    async def reversal_pages(self, kind: ReversalKind) -> Pages[ReversalReading]:  # noqa: ARG002 - the port says so
        """Go through none."""
        for _ in ():
            yield _

    def _page(self, first: int) -> Sequence[Owned[SubscriptionReading]]:
        return [self._one(number) for number in range(first, max(0, first - _PAGE), -1)]

    def _one(self, number: int) -> Owned[SubscriptionReading]:
        created = _START + timedelta(seconds=number)
        terms = Terms(f"sub_{number}", ProviderStatus.ACTIVE, created, _START, _START + timedelta(days=365))
        if number % self._step == 0:
            terms = replace(terms, status=ProviderStatus.CANCELED)
        return Owned(CustomerId(f"cus_{number}"), created, SubscriptionReading(terms, "price_pro"))


async def measure(url: str, count: int) -> list[Figure]:
    """Compare a tenth, then all: what is held must not grow with the number."""
    database = Database(url)

    def start_work() -> SqlPaymentWork:
        return SqlPaymentWork(database)

    async with await psycopg.AsyncConnection.connect(
        url, autocommit=True, cursor_factory=psycopg.AsyncClientCursor
    ) as connection:
        values = {"start": _START, "end": _START + timedelta(days=365), "count": count}
        await connection.execute(_FILL, values)
        await connection.execute("ANALYZE")
    warm_up = await _compare(start_work, Ledger(count), pages=count // _PAGE // 10)
    seconds, held = await _compare(start_work, Ledger(count))
    await database.close()
    return [
        Figure(f"comparing {count:,} subscriptions", seconds, "s"),
        Figure("a subscription", seconds / count * 1e6, "µs"),
        Figure("most memory after a tenth", warm_up[1], "MB"),
        Figure("most memory after all", held, "MB"),
    ]


class _Enough(Exception):
    """The tenth is done."""


async def _compare(start_work: StartWork, ledger: Ledger, pages: int = 0) -> tuple[float, float]:
    request = RequestReconcile(start_work, utc_now, uuid7)
    comparison = Reconcile(start_work, ledger, utc_now)
    asked = await request.scope("all")
    run = await comparison.claim(asked.id)
    assert run is not None
    done = 0

    def progress(_: int) -> None:
        nonlocal done
        done += 1
        if done == pages:
            raise _Enough

    started = time.perf_counter()
    with contextlib.suppress(_Enough):
        await comparison(run, progress)
    return time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscriptions", type=int, default=100_000)
    count = parser.parse_args().subscriptions
    configure_logging("bench", level="WARNING")
    with payment_database(durable=False) as url, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        figures = runner.run(measure(url, count))
    show("reconcile", figures)


if __name__ == "__main__":
    main()
