"""Leaving all the way: use cases over Postgres, the vendor's SDK, the Stripe stand-in, and the sync that follows."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from common_service.clock import utc_now
from common_service.database import Database
from common_service.ids import uuid7
from payment_service.application.end_erased import EndErased
from payment_service.application.load_prices import LoadPrices
from payment_service.application.open_checkout import OpenCheckout
from payment_service.application.ports import Attempt
from payment_service.application.read_access import ReadAccess
from payment_service.application.sync_customer import SyncCustomer
from payment_service.domain.access import Cause
from payment_service.domain.ids import CustomerId, UserId
from payment_service.domain.return_paths import ReturnPaths
from payment_service.infrastructure.stripe_gateway import StripeGateway
from payment_service.infrastructure.work import SqlPaymentWork
from sandbox.stripe.testing import API_KEY, Stand, running_stripe
from services.payment_service.tests.harness import GRACE, PRO, TTL, somebody

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, slots=True)
class House:
    """Our side over Postgres, beside a Stripe."""

    database: Database
    gateway: StripeGateway
    stand: Stand
    given_back: list[int] = field(default_factory=list)

    def work(self) -> SqlPaymentWork:
        return SqlPaymentWork(self.database)

    async def open_page(self) -> tuple[UserId, CustomerId, str]:
        user_id = somebody()
        assert await LoadPrices(self.work, self.gateway, uuid7)() == []
        open_checkout = OpenCheckout(self.work, self.gateway, ReturnPaths(["/"]), utc_now, uuid7)
        opened = await open_checkout(Attempt(user_id, "checkout", "key", b""), PRO)
        async with self.work() as work:
            customer = await work.customers.of(user_id)
        assert customer is not None
        return user_id, customer.id, str(opened.answer.body["url"])

    async def pay(self, page: str) -> int:
        answer = await asyncio.to_thread(self.stand.pay, page, email="reader@truecrime.test")
        return answer.status_code

    async def leave(self, user_id: UserId) -> None:
        async with self.work() as work:
            await work.erasures.add(user_id, utc_now())
            await work.commit()

    async def end(self) -> None:
        gateway, given_back = self.gateway, self.given_back
        note: Callable[[str, int], None] = lambda _, amount: given_back.append(amount)  # noqa: E731 - of one test
        await EndErased(self.work, gateway, gateway.subscriptions, gateway.leaving, utc_now, note)()

    async def sync(self, customer_id: CustomerId) -> None:
        async with self.work() as work:
            await work.syncs.request([customer_id], Cause("webhook", "evt_1"), utc_now())
            await work.commit()
        sync = SyncCustomer(self.work, self.gateway, utc_now, uuid7, GRACE, TTL)
        while claimed := await sync.claim():
            assert await sync(claimed) is None

    def live(self, customer_id: CustomerId) -> int:
        return len(self.gateway.calls.client.v1.subscriptions.list({"customer": customer_id}).data)


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    with running_stripe(tmp_path) as stand:
        gateway = StripeGateway(API_KEY, api_base=stand.url, web_origin="http://web.test")
        assert await gateway.answers()
        yield House(database, gateway, stand)
        gateway.close()


async def test_a_page_that_is_open_at_an_erasure_is_closed(house: House) -> None:
    user_id, customer, page = await house.open_page()
    await house.leave(user_id)
    await house.end()
    assert await house.pay(page) == 410
    await house.gateway.leaving.close_pages(customer)
    await house.sync(customer)
    assert (house.live(customer), house.given_back) == (0, [])
    async with house.work() as work:
        assert await work.checkouts.unfinished(user_id) is None


async def test_what_was_paid_while_they_left_is_ended_and_given_back_once(house: House) -> None:
    user_id, customer, page = await house.open_page()
    await house.leave(user_id)
    assert await house.pay(page) == 303
    await house.end()
    await house.sync(customer)
    assert (house.live(customer), house.given_back) == (0, [999])
    assert not (await ReadAccess(house.work, utc_now, TTL)(user_id)).access.is_entitled
    async with house.work() as work:
        [refund] = await work.reversals.of(user_id)
        await work.erasures.reopen(user_id)
        await work.commit()
    assert (refund.reading.kind, refund.reading.amount) == ("refund", 999)
    await house.end()
    invoice = house.gateway.calls.client.v1.invoices.list({"customer": customer}).data[0].id
    assert invoice is not None
    assert await house.gateway.leaving.give_back(invoice, "another name") == 0
