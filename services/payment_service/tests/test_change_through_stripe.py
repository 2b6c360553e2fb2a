"""Changes all the way: use cases over Postgres, the vendor's SDK, the Stripe stand-in, and the sync that follows."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from common_service.clock import utc_now
from common_service.database import Database
from common_service.idempotency import IdempotencyInProgress
from common_service.ids import uuid7
from payment_service.application.call_provider import CallProvider
from payment_service.application.change_subscription import ChangePlan, ChangeWish, PreviewChange
from payment_service.application.end_subscription import CancelSubscription, ResumeSubscription
from payment_service.application.load_prices import LoadPrices
from payment_service.application.open_checkout import OpenCheckout, Opened
from payment_service.application.ports import Attempt
from payment_service.application.read_access import ReadAccess
from payment_service.application.read_picture import Picture, ReadPicture
from payment_service.application.sync_customer import SyncCustomer
from payment_service.domain.access import Cause
from payment_service.domain.change_errors import PaymentActionRequired, SamePlan
from payment_service.domain.ids import CustomerId, UserId
from payment_service.domain.return_paths import ReturnPaths
from payment_service.infrastructure.stripe_gateway import StripeGateway
from payment_service.infrastructure.work import SqlPaymentWork
from sandbox.stripe.testing import API_KEY, GOOD_CARD, Stand, running_stripe
from services.payment_service.tests.harness import GRACE, PRO, TTL, somebody

pytestmark = pytest.mark.anyio
UP = ChangeWish("max", "month")


@dataclass(frozen=True, slots=True)
class House:
    """Our side over Postgres, without webhooks: what a call asks for has to be enough."""

    database: Database
    gateway: StripeGateway
    stand: Stand

    def work(self) -> SqlPaymentWork:
        return SqlPaymentWork(self.database)

    @property
    def call(self) -> CallProvider:
        return CallProvider(self.work, self.gateway.subscriptions, utc_now)

    async def subscribe(self) -> tuple[UserId, CustomerId]:
        """Let somebody buy on the page."""
        user_id = somebody()
        assert await LoadPrices(self.work, self.gateway, uuid7)() == []
        open_checkout = OpenCheckout(self.work, self.gateway, ReturnPaths(["/"]), utc_now, uuid7)
        opened = await open_checkout(Attempt(user_id, "checkout", "key", b""), PRO)
        await asyncio.to_thread(self.stand.pay, str(opened.answer.body["url"]), email="reader@truecrime.test")
        async with self.work() as work:
            customer = await work.customers.of(user_id)
        assert customer is not None
        await self.sync(customer.id)
        return user_id, customer.id

    async def sync(self, customer_id: CustomerId | None = None) -> None:
        """Do the syncs that are due, and one for this customer as a webhook would ask for it."""
        if customer_id:
            async with self.work() as work:
                await work.syncs.request([customer_id], Cause("webhook", "evt_1"), utc_now())
                await work.commit()
        sync = SyncCustomer(self.work, self.gateway, utc_now, uuid7, GRACE, TTL)
        while claimed := await sync.claim():
            assert await sync(claimed) is None

    async def picture(self, user_id: UserId) -> Picture:
        return await ReadPicture(self.work)(user_id)

    async def plan(self, user_id: UserId) -> str:
        return (await ReadAccess(self.work, utc_now, TTL)(user_id)).access.plan_code

    async def pay_with(self, customer_id: CustomerId, card: str) -> None:
        """Make this the card of the subscription."""
        api = self.gateway.calls.client.v1
        [subscription] = api.subscriptions.list({"customer": customer_id}).data
        method = api.payment_methods.attach(card, {"customer": customer_id})
        api.subscriptions.update(subscription.id, {"default_payment_method": method.id})

    def bills(self, customer_id: CustomerId) -> list[int]:
        listed = self.gateway.calls.client.v1.invoices.list({"customer": customer_id, "status": "paid"})
        return sorted(each.amount_paid for each in listed.data)


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    with running_stripe(tmp_path) as stand:
        gateway = StripeGateway(API_KEY, api_base=stand.url, web_origin="http://web.test")
        yield House(database, gateway, stand)
        gateway.close()


def attempt(user_id: UserId, key: str = "key", route: str = "change") -> Attempt:
    return Attempt(user_id, route, key, b"body")


async def test_ten_tabs_upgrade_once_for_what_was_previewed(house: House) -> None:
    user_id, customer = await house.subscribe()
    preview = await PreviewChange(house.work, house.gateway.subscriptions)(user_id, UP)
    wish = ChangeWish("max", "month", preview.bill.proration_at)
    change = ChangePlan(house.call)
    answers: list[Any] = await asyncio.gather(
        *(change(attempt(user_id, f"tab-{n}"), wish) for n in range(10)), return_exceptions=True
    )
    assert sum(isinstance(answer, Opened) for answer in answers) == 1
    assert all(isinstance(answer, Opened | IdempotencyInProgress | SamePlan) for answer in answers)
    await house.sync()
    assert await house.plan(user_id) == "max"
    assert house.bills(customer) == sorted([999, preview.bill.amount_due])


@pytest.mark.parametrize("card", ["pm_card_chargeCustomerFail", "pm_card_authenticationRequired"])
async def test_what_the_bank_does_not_let_through_waits_on_the_bill_s_page(house: House, card: str) -> None:
    user_id, customer = await house.subscribe()
    await house.pay_with(customer, card)
    with pytest.raises(PaymentActionRequired) as asked:
        await ChangePlan(house.call)(attempt(user_id), UP)
    await house.sync()
    waiting = await house.picture(user_id)
    assert (await house.plan(user_id), waiting.action) == ("pro", asked.value.action)
    assert waiting.pending is not None
    assert (waiting.pending.kind, waiting.pending.plan_code, waiting.pending.interval) == ("unpaid", "max", "month")
    page = str(asked.value.action["href"])
    answer = await asyncio.to_thread(lambda: httpx2.post(page, data=GOOD_CARD, trust_env=False))
    assert answer.status_code < 400
    await house.sync(customer)
    done = await house.picture(user_id)
    assert (await house.plan(user_id), done.pending, done.action) == ("max", None, None)


async def test_cancelled_resumed_and_downgraded(house: House) -> None:
    user_id, customer = await house.subscribe()
    await CancelSubscription(house.call)(attempt(user_id, route="cancel"), "too dark")
    await house.sync()
    assert (await house.picture(user_id)).subscription.terms.is_ending
    await ResumeSubscription(house.call)(attempt(user_id, route="resume"))
    await ChangePlan(house.call)(attempt(user_id), UP)
    await ChangePlan(house.call)(attempt(user_id, "down"), ChangeWish("pro", "month"))
    await house.sync()
    planned = await house.picture(user_id)
    assert planned.pending is not None
    assert (await house.plan(user_id), planned.pending.plan_code) == ("max", "pro")
    end = planned.subscription.terms.period_end
    assert planned.pending.at == end
    assert end is not None
    await asyncio.to_thread(house.stand.post, "/_sandbox/clock", {"to": int(end.timestamp()) + 1})
    await house.sync(customer)
    down = await house.picture(user_id)
    assert (await house.plan(user_id), down.pending) == ("pro", None)
