"""The Stripe adapter, by the vendor's SDK against the Stripe stand-in on a port; and the main job through all of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest

from common_service.clock import utc_now
from common_service.database import Database
from common_service.ids import uuid7
from payment_service.application.load_prices import LoadPrices
from payment_service.application.open_checkout import OpenCheckout
from payment_service.application.ports import PaymentGateway
from payment_service.application.read_access import ReadAccess
from payment_service.application.receive_webhook import ReceiveWebhook
from payment_service.application.sync_customer import SyncCustomer
from payment_service.domain.checkout import CheckoutOrder, HostedCheckout
from payment_service.domain.errors import ProviderRefused, ProviderUnavailable
from payment_service.domain.ids import CustomerId, UserId
from payment_service.domain.return_paths import ReturnPaths
from payment_service.domain.subscription import ProviderStatus
from payment_service.infrastructure.due_syncs import DueSyncs
from payment_service.infrastructure.stripe_calls import API_VERSION
from payment_service.infrastructure.stripe_gateway import StripeGateway
from payment_service.infrastructure.stripe_readings import readable_invoices
from payment_service.infrastructure.stripe_signatures import StripeSignatures
from payment_service.infrastructure.sync_dispatcher import SyncDispatcher
from payment_service.infrastructure.webhook_inbox import SqlWebhookInbox
from payment_service.infrastructure.work import SqlPaymentWork
from sandbox.servers.ports import free_port
from sandbox.stripe.testing import API_KEY, WEBHOOK_SECRET, Receiver, Stand, running_receiver, running_stripe
from services.payment_service.tests.harness import GRACE, PRO, TTL, attempt, somebody
from services.payment_service.tests.lifecycle import VISA, Liver
from services.payment_service.tests.worlds import FakeStripe

pytestmark = pytest.mark.anyio
ORIGIN = "http://web.test"
MAIL = "reader@truecrime.test"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as receiver:
        yield receiver


@pytest.fixture
def stripe(tmp_path: Path, receiver: Receiver) -> Iterator[Stand]:
    with running_stripe(tmp_path, webhook_url=receiver.url) as stand:
        yield stand


@pytest.fixture
def gateway(stripe: Stand) -> Iterator[StripeGateway]:
    gateway = StripeGateway(API_KEY, api_base=stripe.url, web_origin=ORIGIN)
    yield gateway
    gateway.close()


@dataclass(frozen=True, slots=True)
class Provider:
    """A payment provider, and somebody who pays on its page."""

    gateway: PaymentGateway
    pay: Callable[[HostedCheckout], object]


@pytest.fixture(params=["fake", "sandbox"])
def provider(request: pytest.FixtureRequest) -> Provider:
    """Return the fake that other tests stand on, and Stripe's stand-in behind the vendor's SDK, in turn."""
    if request.param == "fake":
        fake = FakeStripe(utc_now)
        return Provider(fake, lambda page: fake.pay(page.provider_id))
    stand: Stand = request.getfixturevalue("stripe")
    return Provider(request.getfixturevalue("gateway"), lambda page: stand.pay(page.url, email=MAIL))


async def an_order(gateway: PaymentGateway, user_id: UserId) -> CheckoutOrder:
    customer = await gateway.create_customer(user_id)
    [price] = await gateway.prices(["pro_month"])
    return CheckoutOrder(uuid4(), user_id, customer, price.provider_id, "/stories?x=1")


async def test_prices_are_found_by_the_names_of_our_plans(provider: Provider) -> None:
    found = {price.lookup_key: price for price in await provider.gateway.prices(["pro_month", "max_month"])}
    assert {name: (price.unit_amount, price.currency, price.interval) for name, price in found.items()} == {
        "pro_month": (999, "usd", "month"),
        "max_month": (1999, "usd", "month"),
    }


async def test_asking_again_under_the_same_name_makes_nothing_new(provider: Provider) -> None:
    user_id, gateway = somebody(), provider.gateway
    order = await an_order(gateway, user_id)
    assert await gateway.create_customer(user_id) == order.customer_id
    first, again = await gateway.open_checkout(order), await gateway.open_checkout(order)
    assert (first.provider_id, first.url) == (again.provider_id, again.url)


async def test_a_paid_page_becomes_a_subscription_and_a_paid_invoice(provider: Provider) -> None:
    gateway = provider.gateway
    order = await an_order(gateway, somebody())
    page = await gateway.open_checkout(order)
    assert await gateway.checkout_state(page.provider_id) == "open"
    assert page.expires_at > utc_now() + timedelta(hours=23)
    assert not (await gateway.read_customer(order.customer_id)).subscriptions
    provider.pay(page)
    assert await gateway.checkout_state(page.provider_id) == "complete"
    reading = await gateway.read_customer(order.customer_id)
    [subscription], [invoice] = reading.subscriptions, reading.invoices
    assert (subscription.terms.status, subscription.price_id) == (ProviderStatus.ACTIVE, order.price_id)
    assert subscription.terms.latest_invoice_id == invoice.provider_id
    assert subscription.terms.period_start is not None
    assert subscription.terms.period_end is not None
    assert timedelta(days=28) <= subscription.terms.period_end - subscription.terms.period_start <= timedelta(days=31)
    assert (invoice.status, invoice.amount_paid, invoice.currency, invoice.is_paid) == ("paid", 999, "usd", True)
    assert (invoice.subscription_id, invoice.failures) == (subscription.terms.provider_id, 0)
    assert None not in (invoice.paid_at, invoice.finalized_at)


async def test_the_page_leads_back_to_where_it_was_left(gateway: StripeGateway, stripe: Stand) -> None:
    order = await an_order(gateway, somebody())
    paid = stripe.pay((await gateway.open_checkout(order)).url, email=MAIL)
    assert paid.headers["location"] == f"{ORIGIN}/stories?x=1&checkout={order.id}&outcome=done"


async def test_the_portal_leads_back(gateway: StripeGateway) -> None:
    customer = await gateway.create_customer(somebody())
    assert (await gateway.open_portal(customer, "/billing", "name")).startswith("http")


async def test_what_stripe_refuses_is_told_from_what_it_cannot_do_now(gateway: StripeGateway) -> None:
    with pytest.raises(ProviderRefused) as refused:
        await gateway.checkout_state("cs_test_of_nobody")
    assert refused.value.code == "resource_missing"
    with pytest.raises(ProviderRefused):
        await gateway.open_portal(CustomerId("cus_of_nobody"), "/", "name")
    away = StripeGateway(API_KEY, api_base=f"http://127.0.0.1:{free_port()}", web_origin=ORIGIN)
    with pytest.raises(ProviderUnavailable):
        await away.read_customer(CustomerId("cus_1"))
    away.close()


async def test_a_wrong_key_is_a_refusal(stripe: Stand) -> None:
    stranger = StripeGateway("sk_test_wrong", api_base=stripe.url, web_origin=ORIGIN)
    with pytest.raises(ProviderRefused):
        await stranger.prices(["pro_month"])
    stranger.close()


@contextlib.asynccontextmanager
async def dispatching(sync: SyncCustomer, database_url: str) -> AsyncIterator[None]:
    stop = asyncio.Event()
    dispatcher = SyncDispatcher(sync, DueSyncs(database_url), at_once=4)
    running = asyncio.create_task(dispatcher.run(stop))
    yield
    stop.set()
    await running


async def test_from_checkout_to_access_to_renewal(
    gateway: StripeGateway, stripe: Stand, receiver: Receiver, database: Database, database_url: str
) -> None:
    """Webhooks of the stand-in, signed by it, through the inbox and the dispatcher, into access."""

    def start_work() -> SqlPaymentWork:
        return SqlPaymentWork(database)

    user_id = somebody()
    read_access = ReadAccess(start_work, utc_now, TTL)
    inbox, verify = SqlWebhookInbox(database), StripeSignatures([WEBHOOK_SECRET], utc_now)
    receive = ReceiveWebhook(
        verify, orjson.loads, inbox, utc_now, livemode=False, api_version=API_VERSION, count=lambda *_: None
    )
    assert await LoadPrices(start_work, gateway, uuid7)() == []
    open_checkout = OpenCheckout(start_work, gateway, ReturnPaths(["/"]), utc_now, uuid7)
    opened = await open_checkout(attempt(user_id), PRO)

    async def until_version(version: int) -> None:
        async with asyncio.timeout(60):
            while (await read_access(user_id)).version < version:
                while receiver.received:
                    event = receiver.received.pop(0)
                    await receive(event.body, event.signature)
                await asyncio.sleep(0.02)

    sync = SyncCustomer(start_work, gateway, utc_now, uuid7, GRACE, TTL)
    async with dispatching(sync, database_url):
        stripe.pay(str(opened.answer.body["url"]), email=MAIL)
        await until_version(1)
        first = await read_access(user_id)
        await asyncio.to_thread(stripe.advance, 31 * 24 * 3600)
        await until_version(2)
    second = await read_access(user_id)
    assert (first.access.plan_code, first.access.is_entitled) == ("pro", True)
    assert second.access.period_start == first.access.period_end


async def test_refunds_disputes_and_deletion_are_read_as_stripe_tells_them(
    gateway: StripeGateway, stripe: Stand
) -> None:
    user_id = somebody()
    customer = await gateway.create_customer(user_id)
    liver = Liver(stripe, gateway, customer)
    liver.card(VISA)
    liver.subscribe("pro_month")
    liver.refund(300)
    liver.dispute(None)
    reading = await gateway.read_customer(customer)
    found = {each.kind: each for each in reading.reversals}
    invoice = reading.invoices[0].provider_id
    assert (found["refund"].amount, found["refund"].charged, found["refund"].invoice_id) == (300, 999, invoice)
    assert (found["dispute"].status, found["dispute"].invoice_id) == ("needs_response", invoice)
    for kind, each in found.items():
        assert await gateway.customer_of(kind, each.provider_id) == customer
        [[owned]] = [page async for page in gateway.ledger.reversal_pages(kind)]
        assert (owned.customer_id, owned.reading) == (customer, replace(each, invoice_id=None))
    assert await gateway.customer_of("refund", "re_of_nobody") is None
    [[subscription]] = [page async for page in gateway.ledger.subscription_pages()]
    [invoices] = [page async for page in gateway.ledger.invoice_pages(utc_now() - timedelta(days=1))]
    assert (subscription.reading, [each.reading for each in invoices]) == (reading.subscriptions[0], reading.invoices)
    assert (reading.is_deleted, await gateway.owner_of(customer)) == (False, user_id)
    gateway.calls.client.v1.customers.delete(customer)
    after = await gateway.read_customer(customer)
    assert (after.is_deleted, [each.terms.is_live for each in after.subscriptions]) == (True, [False])
    assert await gateway.is_deleted(CustomerId("cus_of_nobody"))
    order = await an_order(gateway, user_id)
    with pytest.raises(ProviderRefused):
        await gateway.open_checkout(order)
    assert await gateway.create_customer(user_id, 2) != customer


def test_an_invoice_that_cannot_be_read_hides_no_other() -> None:
    whole: dict[str, Any] = {"id": "in_1", "status": "paid", "currency": "usd", "amount_due": 999, "amount_paid": 999}
    whole |= {"created": 1, "attempt_count": 1, "status_transitions": {"finalized_at": 1, "paid_at": 1}}
    found = readable_invoices([whole | {"id": "in_2", "status": None}, {"id": "in_3"}, whole])
    assert [invoice.provider_id for invoice in found] == ["in_1"]
