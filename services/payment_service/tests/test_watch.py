"""When Stripe answers again, nobody waits for a pause that grew while it was away, and nobody was given up for it."""

import pytest

from common_service.ids import uuid7
from payment_service.application.sync_customer import UNAVAILABLE, SyncCustomer
from payment_service.application.sync_ports import MOST_ATTEMPTS, InboxSearch
from payment_service.application.watch_provider import WatchProvider
from payment_service.domain.errors import ProviderUnavailable
from payment_service.infrastructure.stripe_gateway import StripeGateway
from sandbox.servers.ports import free_port
from services.payment_service.tests.harness import GRACE, TTL, Harness, somebody

pytestmark = pytest.mark.anyio


class Watched:
    """A worker's syncs beside its watch."""

    def __init__(self, harness: Harness) -> None:
        self.harness, self.told = harness, list[str]()
        self.watch = WatchProvider(harness.work, harness.stripe, harness.clock)
        self.note = self.watch.missing(self.told.append)
        self.sync = SyncCustomer(
            harness.work, harness.stripe, harness.clock, uuid7, GRACE, TTL, is_away=lambda: self.watch.is_away
        )

    async def drain(self) -> int:
        """Do what is due; return how many were not done."""
        put_off = 0
        while claimed := await self.sync.claim():
            if reason := await self.sync(claimed):
                self.note(reason)
                put_off += 1
        return put_off

    async def outage(self, *, hours: int) -> None:
        """Let Stripe be away, and time pass."""
        self.harness.stripe.faults = [ProviderUnavailable] * 10_000
        for _ in range(hours * 4):
            await self.drain()
            await self.watch()
            self.harness.clock.advance(minutes=15)

    async def back(self) -> None:
        self.harness.stripe.faults = []
        await self.watch()


@pytest.fixture
async def watched(harness: Harness) -> Watched:
    for customer in [await harness.subscribe(somebody()) for _ in range(2)]:
        await harness.deliver([harness.stripe.tell("invoice.updated", customer)])
    harness.stripe.events.clear()
    return Watched(harness)


async def states(harness: Harness) -> list[str]:
    async with harness.work() as work:
        return [each.state for each in await work.webhooks.page(InboxSearch(), 100, None)]


async def test_after_a_long_outage_all_are_up_to_date_at_once(watched: Watched) -> None:
    await watched.outage(hours=5)
    assert watched.watch.is_away
    assert "webhook.dead" not in await watched.harness.types()
    await watched.back()
    assert (await watched.drain(), watched.watch.is_away) == (0, False)
    assert set(await states(watched.harness)) == {"processed"}


async def test_a_worker_that_begins_after_the_outage_wakes_who_waited_for_it(watched: Watched) -> None:
    watched.harness.stripe.faults = [ProviderUnavailable] * 10_000
    for _ in range(MOST_ATTEMPTS):
        await watched.drain()
        watched.harness.clock.advance(hours=1)
    assert set(await states(watched.harness)) == {"processed", "dead"}
    watched.harness.stripe.faults = []
    later = Watched(watched.harness)
    await later.watch()
    assert await later.drain() == 0
    assert set(await states(watched.harness)) == {"processed"}


async def test_what_fails_while_the_provider_answers_is_given_up_as_ever(watched: Watched) -> None:
    await watched.watch()
    for _ in range(MOST_ATTEMPTS):
        watched.harness.stripe.faults = [ProviderUnavailable] * 2
        await watched.drain()
        watched.harness.stripe.faults = []
        await watched.watch()
        watched.harness.clock.advance(hours=1)
    assert (await states(watched.harness)).count("dead") == 2


async def test_the_provider_is_left_alone_while_nothing_fails(watched: Watched) -> None:
    await watched.watch()
    calls = watched.harness.stripe.calls
    for _ in range(9):
        await watched.watch()
    assert watched.harness.stripe.calls == calls
    watched.note("unknown price")
    await watched.watch()
    assert watched.harness.stripe.calls == calls
    watched.note(UNAVAILABLE)
    await watched.watch()
    assert (watched.harness.stripe.calls, watched.told) == (calls + 1, ["unknown price", UNAVAILABLE])


async def test_where_nobody_listens_nobody_answers() -> None:
    gateway = StripeGateway("sk_test_1", api_base=f"http://127.0.0.1:{free_port()}", web_origin="http://127.0.0.1")
    assert not await gateway.answers()
    gateway.close()
