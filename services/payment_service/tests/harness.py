"""The service wired over one store and a fake Stripe, with what a test wants to do and to see."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import orjson
from sqlalchemy import select

from common_service.clock import utc_now as clock_of_the_sdk  # the SDK reads the real clock
from common_service.ids import uuid7
from common_service.testing import FixedClock
from payment_service.api.use_cases import UseCases, World, wire
from payment_service.application.apply_edges import ApplyEdges
from payment_service.application.load_prices import LoadPrices
from payment_service.application.open_checkout import Wish
from payment_service.application.ports import Attempt, StartWork, Work
from payment_service.application.reconcile import Reconcile, RequestReconcile
from payment_service.application.sync_customer import SyncCustomer
from payment_service.application.sync_ports import Run, RunScope, WebhookInbox
from payment_service.domain.access import AccessVersion
from payment_service.domain.ids import CustomerId, UserId
from payment_service.domain.return_paths import ReturnPaths
from payment_service.infrastructure.base import MESSAGING
from payment_service.infrastructure.stripe_signatures import StripeSignatures
from payment_service.infrastructure.work import SqlPaymentWork
from services.payment_service.tests.fake_subscriptions import FakeSubscriptions
from services.payment_service.tests.memory import MemoryWork
from services.payment_service.tests.worlds import SECRET, Event, FakeStripe, open_works, signature

TTL = 30
GRACE = timedelta(days=7)
PRO = Wish("pro", "month", "/")


def somebody() -> UserId:
    return UserId(uuid4())


def attempt(user_id: UserId, key: str = "key", digest: bytes = b"body") -> Attempt:
    return Attempt(user_id, "POST /checkout", key, digest)


@dataclass(frozen=True, slots=True)
class Told:
    """A fact as the outbox holds it."""

    type: str
    version: int
    data: dict[str, object]


class Harness:
    """The service over one store."""

    def __init__(self, start_work: StartWork, inbox: WebhookInbox, stripe: FakeStripe, clock: FixedClock) -> None:
        self._start_work, self.stripe, self.clock = start_work, stripe, clock
        self.url = ""
        self.counted: list[tuple[str, str]] = []
        self.world = World(
            start_work=self.work,
            gateway=stripe,
            subscriptions=FakeSubscriptions(stripe),
            promotions=stripe,
            inbox=inbox,
            verify=StripeSignatures([SECRET], clock_of_the_sdk),
            parse=orjson.loads,
            now=clock,
            new_id=uuid7,
            return_paths=ReturnPaths(["/"]),
            ttl_seconds=TTL,
            livemode=False,
            api_version="2026-10-28.endive",
            count_webhook=self._count,
        )
        self.use_cases: UseCases = wire(self.world)
        self.sync = SyncCustomer(self.work, stripe, clock, uuid7, GRACE, TTL)
        self.reconcile = Reconcile(self.work, stripe, clock)
        self.request_reconcile = RequestReconcile(self.work, clock, uuid7)
        self.apply_edges = ApplyEdges(self.work, clock, self.use_cases.read_access)

    def _count(self, outcome: str, reason: str) -> None:
        self.counted.append((outcome, reason))

    def work(self) -> AbstractAsyncContextManager[Work]:
        """Start a work, and count that this task has one open."""
        return self._counted()

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[Work]:
        open_works.set(open_works.get() + 1)
        try:
            async with self._start_work() as work:
                yield work
        finally:
            open_works.set(open_works.get() - 1)

    async def load_prices(self) -> list[str]:
        return await LoadPrices(self.work, self.stripe, uuid7)()

    async def deliver(self, events: Iterable[Event]) -> None:
        for event in events:
            await self.use_cases.receive_webhook(event.body, signature(event.body, clock_of_the_sdk()))

    async def settle(self) -> None:
        """Deliver what Stripe told, and bring every customer who is due up to date."""
        events, self.stripe.events[:] = list(self.stripe.events), []
        await self.deliver(events)
        await self.drain()

    async def drain(self) -> None:
        while claimed := await self.sync.claim():
            await self.sync(claimed)

    async def reconcile_all(self, scope: RunScope = "all") -> Run:
        """Compare, let everything that differs be synced, and return the report."""
        asked = await self.request_reconcile.scope(scope)
        claimed = await self.reconcile.claim(asked.id)
        assert claimed is not None
        assert await self.reconcile(claimed)
        await self.drain()
        return await self.request_reconcile.read(asked.id)

    async def subscribe(self, user_id: UserId, wish: Wish = PRO) -> CustomerId:
        """Check out, pay, and let everything settle."""
        opened = await self.use_cases.open_checkout(attempt(user_id, f"key-{uuid4()}"), wish)
        self.stripe.pay(f"cs_{opened.answer.body['id']}")
        await self.settle()
        return await self.customer(user_id)

    async def customer(self, user_id: UserId) -> CustomerId:
        async with self.work() as work:
            customer = await work.customers.of(user_id)
        assert customer is not None
        return customer.id

    async def access(self, user_id: UserId) -> AccessVersion:
        return await self.use_cases.read_access(user_id)

    async def told(self) -> list[Told]:
        """Return every fact so far, in order."""
        async with self._start_work() as work:
            if isinstance(work, MemoryWork):
                return [Told(fact.type, fact.version, dict(fact.data)) for fact in work.kept.facts]
            assert isinstance(work, SqlPaymentWork)
            columns = MESSAGING.outbox.c
            rows = await work.session.execute(
                select(columns.type, columns.aggregate_version, columns.payload).order_by(columns.seq)
            )
            return [Told(*row) for row in rows]

    async def types(self) -> list[str]:
        return [fact.type for fact in await self.told()]

    async def checkout_id(self, user_id: UserId) -> UUID:
        async with self.work() as work:
            checkout = await work.checkouts.unfinished(user_id)
        assert checkout is not None
        return checkout.id
