"""The stores: what was kept comes back, and what the schema forbids cannot be kept."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError

from common_service.database import Database
from payment_service.application.access_ports import PriceReading
from payment_service.application.ports import Customer
from payment_service.domain.access import Cause, access_of, first_access
from payment_service.domain.checkout import Checkout, HostedCheckout
from payment_service.domain.ids import CustomerId, UserId
from payment_service.domain.invoice import Invoice, InvoiceReading
from payment_service.domain.subscription import ProviderStatus, Subscription, Terms
from payment_service.infrastructure.work import SqlPaymentWork
from services.payment_service.tests.harness import Harness, somebody
from services.payment_service.tests.shipped import shipped_catalogue

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)


def a_subscription(user_id: UserId, status: ProviderStatus = ProviderStatus.ACTIVE) -> Subscription:
    terms = Terms(
        provider_id=f"sub_{uuid4().hex}",
        status=status,
        created_at=NOW - 9 * HOUR,
        period_start=NOW - HOUR,
        period_end=NOW + HOUR,
        trial_end=NOW + 2 * HOUR,
        cancel_at_period_end=True,
        cancel_at=NOW + 3 * HOUR,
        canceled_at=NOW + 4 * HOUR,
        ended_at=NOW + 5 * HOUR,
        latest_invoice_id="in_1",
        interval="month",
        pending_price_id="price_max_month",
        pending_at=NOW + 8 * HOUR,
        schedule_id="sub_sched_1",
    )
    return Subscription(
        uuid4(), user_id, "pro", terms, NOW, past_due_since=NOW + 6 * HOUR, grace_until=NOW + 7 * HOUR, version=3
    )


def an_invoice(user_id: UserId) -> Invoice:
    reading = InvoiceReading(
        provider_id=f"in_{uuid4().hex}",
        status="open",
        currency="usd",
        amount_due=999,
        amount_paid=1,
        created_at=NOW,
        subscription_id="sub_1",
        number="A-1",
        attempt_count=2,
        next_attempt_at=NOW + HOUR,
        hosted_url="https://pay.test/i/1",
        pdf_url="https://pay.test/i/1/pdf",
        period_start=NOW - 2 * HOUR,
        period_end=NOW + 2 * HOUR,
        finalized_at=NOW + 3 * HOUR,
        paid_at=NOW + 4 * HOUR,
    )
    return Invoice(uuid4(), user_id, reading, NOW, version=5)


async def test_the_shipped_catalogue_is_the_one_of_the_design(database: Database) -> None:
    async with SqlPaymentWork(database) as work:
        assert await work.plans.catalogue() == shipped_catalogue()


async def test_a_new_price_takes_the_place_of_the_old_one_which_stays_known(harness: Harness) -> None:
    dearer = PriceReading("price_dearer", "pro_month", "usd", 1299, "month")
    async with harness.work() as work:
        old = (await work.plans.catalogue()).plans["pro"].price("month")
        await work.plans.put_price(uuid4(), "pro", dearer)
        await work.plans.put_price(uuid4(), "pro", dearer)
        await work.commit()
    async with harness.work() as work:
        catalogue = await work.plans.catalogue()
    assert [price.unit_amount for price in catalogue.plans["pro"].prices] == [1299]
    assert old is not None
    assert catalogue.plan_of(old.provider_id, None) == "pro"
    assert catalogue.plan_of("price_unseen", "max_year") == "max"
    assert catalogue.plan_of("price_unseen", "gold_month") is None
    assert catalogue.plan_of("price_unseen", "max_week") is None


async def test_subscriptions_come_back_as_they_were_kept(harness: Harness) -> None:
    user_id = somebody()
    kept = [a_subscription(user_id), replace(a_subscription(user_id), is_superseded=True)]
    async with harness.work() as work:
        await work.subscriptions.put_all(kept)
        await work.commit()
    changed = [kept[0], replace(kept[1], version=4)]
    async with harness.work() as work:
        assert sorted(await work.subscriptions.of(user_id), key=lambda each: each.id) == sorted(
            kept, key=lambda each: each.id
        )
        await work.subscriptions.put_all(changed)
        assert {each.version for each in await work.subscriptions.of(user_id)} == {3, 4}


async def test_a_new_live_subscription_may_follow_an_ended_one_in_one_write(harness: Harness) -> None:
    user_id = somebody()
    first = a_subscription(user_id)
    async with harness.work() as work:
        await work.subscriptions.put_all([first])
        await work.commit()
    ended = replace(first, terms=replace(first.terms, status=ProviderStatus.CANCELED))
    async with harness.work() as work:
        await work.subscriptions.put_all([a_subscription(user_id), ended])
        await work.commit()


async def test_two_live_subscriptions_of_one_person_cannot_be_kept(database: Database) -> None:
    user_id = somebody()
    async with SqlPaymentWork(database) as work:
        with pytest.raises(IntegrityError):
            await work.subscriptions.put_all([a_subscription(user_id), a_subscription(user_id)])


async def test_invoices_come_back_as_they_were_kept(harness: Harness) -> None:
    invoice = an_invoice(somebody())
    async with harness.work() as work:
        await work.invoices.put_all([invoice])
        await work.commit()
    async with harness.work() as work:
        assert await work.invoices.named([invoice.reading.provider_id]) == [invoice]
        assert await work.invoices.page(invoice.user_id, 1, None) == [invoice]
        await work.invoices.put_all([])


async def test_checkouts_come_back_as_they_were_kept(harness: Harness) -> None:
    async with harness.work() as work:
        price = (await work.plans.catalogue()).plans["pro"].prices[0]
        checkout = Checkout(uuid4(), somebody(), price, "/back", "key", NOW, NOW + HOUR, promo_code="X-1", trial_days=7)
        await work.checkouts.put(checkout)
        assert await work.checkouts.unfinished(checkout.user_id) == checkout
        opened = checkout.opened(HostedCheckout("cs_1", "https://pay.test/1", NOW + 2 * HOUR))
        await work.checkouts.put(opened)
        assert await work.checkouts.get(checkout.id) == opened
        await work.checkouts.put(opened.closed("expired"))
        assert await work.checkouts.unfinished(checkout.user_id) is None


async def test_the_first_customer_of_a_person_stays(harness: Harness) -> None:
    first = Customer(somebody(), CustomerId("cus_a"), NOW)
    async with harness.work() as work:
        assert await work.customers.add_first(first) == first
        assert await work.customers.add_first(replace(first, id=CustomerId("cus_b"))) == first
        assert await work.customers.owner(CustomerId("cus_a")) == first.user_id
        assert await work.customers.owner(CustomerId("cus_b")) is None


async def test_access_versions_follow_one_another(harness: Harness) -> None:
    user_id, catalogue = somebody(), shipped_catalogue()
    first = first_access(user_id, catalogue, NOW)
    subscription = replace(a_subscription(user_id), terms=replace(a_subscription(user_id).terms, period_end=NOW))
    paid = access_of(subscription, catalogue, NOW)
    second = first.followed_by(paid, catalogue.plans["pro"], Cause("webhook", "evt_1"), NOW)
    third = second.followed_by(first.access, catalogue.default, Cause("timer", "t"), NOW + HOUR)
    async with harness.work() as work:
        assert await work.accesses.current(user_id) is None
        await work.accesses.append(second)
        assert await work.accesses.current(user_id) == second
        assert await work.accesses.lapsed(NOW + timedelta(hours=71), 10) == []
        assert await work.accesses.lapsed(NOW + timedelta(hours=72), 10) == [user_id]
        await work.accesses.append(third)
        assert await work.accesses.current(user_id) == third
        await work.commit()


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO payment.plans (code, name, rank, is_default) VALUES ('other', 'Other', 9, true)",
        "INSERT INTO payment.plans (code, name, rank) VALUES ('NO', 'Bad code', 9)",
        "INSERT INTO payment.plan_entitlements (plan_code, feature, kind) VALUES ('pro', 'x', 'flag')",
        "INSERT INTO payment.plan_entitlements (plan_code, feature, kind, limit_value) VALUES ('pro', 'x', 'limit', 1)",
        "INSERT INTO payment.plan_entitlements (plan_code, feature, kind, flag) VALUES ('pro', 'collab', 'flag', true)",
        "UPDATE payment.plan_entitlements SET unlimited = true WHERE feature = 'stories.day'",
        "UPDATE payment.plan_entitlements SET valid_to = valid_from",
        "DELETE FROM payment.plans WHERE code = 'pro'",
    ],
)
def test_a_catalogue_that_contradicts_itself_cannot_be_kept(database_url: str, statement: str) -> None:
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.errors.IntegrityError):
        connection.execute(statement)
