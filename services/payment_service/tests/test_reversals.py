"""Refunds, disputes and deleted customers: found by their own ids, access taken and given back by rule."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from payment_service.application.denials import BY_RULE
from payment_service.application.sync_ports import InboxSearch
from payment_service.domain.access import AccessState
from payment_service.domain.errors import NoCustomer, ProviderRefused
from payment_service.domain.ids import UserId
from payment_service.domain.reversal import DISPUTE_DENIES, ReversalKind
from payment_service.domain.subscription import ProviderStatus
from services.payment_service.tests.harness import PRO, Harness, attempt, somebody

pytestmark = pytest.mark.anyio


async def is_entitled(harness: Harness, user_id: UserId) -> bool:
    return (await harness.access(user_id)).access.is_entitled


async def test_a_dispute_denies_until_it_is_won_and_is_told_once(harness: Harness) -> None:
    user_id, stripe = somebody(), harness.stripe
    customer = await harness.subscribe(user_id)
    dispute = stripe.take_back(customer, "dispute", "needs_response", reason="fraudulent")
    await harness.settle()
    version = await harness.access(user_id)
    assert (version.access.is_entitled, version.access.reason) == (False, "access_denied")
    assert version.access.next_change_at is not None
    stripe.decide(customer, dispute, "under_review")
    await harness.settle()
    stripe.decide(customer, dispute, "won")
    await harness.settle()
    assert await is_entitled(harness, user_id)
    told = [fact.data for fact in await harness.told() if fact.type == "payment.disputed"]
    invoice = stripe.invoices[customer][0].provider_id
    assert [(each["invoice_id"], each["amount"], each["dispute_id"]) for each in told] == [(invoice, 999, dispute)]


async def test_a_lost_dispute_denies_for_120_days(harness: Harness) -> None:
    user_id, stripe = somebody(), harness.stripe
    customer = await harness.subscribe(user_id)
    start = harness.clock.now
    dispute = stripe.take_back(customer, "dispute", "needs_response")
    stripe.decide(customer, dispute, "lost")
    await harness.settle()
    stripe.change(customer, period_end=start + timedelta(days=400))
    await harness.settle()
    harness.clock.now = start + DISPUTE_DENIES - timedelta(microseconds=1)
    assert not await is_entitled(harness, user_id)
    harness.clock.now = start + DISPUTE_DENIES
    assert await is_entitled(harness, user_id)


@pytest.mark.parametrize(
    ("kind", "status", "amount"),
    [
        ("dispute", "warning_needs_response", 999),
        ("dispute", "prevented", 999),
        ("refund", "succeeded", 998),
        ("refund", "failed", 999),
        ("refund", "canceled", 999),
    ],
)
async def test_what_takes_nothing_denies_nothing_and_is_told(
    harness: Harness, kind: ReversalKind, status: str, amount: int
) -> None:
    user_id = somebody()
    customer = await harness.subscribe(user_id)
    harness.stripe.take_back(customer, kind, status, amount)
    await harness.settle()
    assert await is_entitled(harness, user_id)
    assert (await harness.types())[-1] == ("payment.disputed" if kind == "dispute" else "payment.refunded")


async def test_a_refund_of_the_period_denies_until_somebody_pays_again(harness: Harness) -> None:
    user_id, stripe = somebody(), harness.stripe
    customer = await harness.subscribe(user_id)
    stripe.take_back(customer, "refund", "succeeded")
    await harness.settle()
    assert not await is_entitled(harness, user_id)
    stripe.change(customer, "customer.subscription.deleted", status=ProviderStatus.CANCELED)
    await harness.settle()
    await harness.subscribe(user_id)
    assert await is_entitled(harness, user_id)


async def test_a_refund_that_comes_to_nothing_gives_access_back(harness: Harness) -> None:
    user_id, stripe = somebody(), harness.stripe
    customer = await harness.subscribe(user_id)
    refund = stripe.take_back(customer, "refund", "pending")
    await harness.settle()
    stripe.reversals[customer].clear()  # a charge of which nothing is refunded any more is not asked for its refunds
    stripe.tell("invoice.updated", customer)
    await harness.settle()
    assert await is_entitled(harness, user_id)
    async with harness.work() as work:
        [kept] = await work.reversals.named([refund])
    assert kept.reading.status == "failed"


async def test_what_an_admin_has_revoked_stays_revoked(harness: Harness) -> None:
    user_id, stripe, admin = somebody(), harness.stripe, uuid4()
    customer = await harness.subscribe(user_id)
    dispute = stripe.take_back(customer, "dispute", "needs_response")
    await harness.settle()
    async with harness.work() as work:
        [override] = await work.overrides.of(user_id, harness.clock.now)
        assert (override.created_by, override.source, override.effect) == (BY_RULE, "dispute", "deny")
        await work.overrides.put(override.revoked(admin, "they sent proof", harness.clock.now))
        await work.commit()
    stripe.decide(customer, dispute, "under_review")
    await harness.settle()
    assert await is_entitled(harness, user_id)


async def test_a_dispute_of_nobody_is_ignored_with_its_reason(harness: Harness) -> None:
    data = {"object": {"id": "dp_of_nobody", "object": "dispute"}}
    event = harness.stripe.tell("charge.dispute.created", None, data=data)
    await harness.settle()
    async with harness.work() as work:
        [kept] = await work.webhooks.page(InboxSearch(), 10, None)
    assert (kept.event_id, kept.state, kept.reason) == (event.id, "ignored", "no customer")


async def test_a_deleted_customer_ends_what_was_theirs_and_may_buy_again(harness: Harness) -> None:
    user_id = somebody()
    first = await harness.subscribe(user_id)
    harness.stripe.delete(first)
    await harness.settle()
    assert (await harness.access(user_id)).access.state is AccessState.ENDED
    assert await harness.sync.claim() is None
    with pytest.raises(NoCustomer):
        await harness.use_cases.open_portal(attempt(user_id, "portal"), "/")
    second = await harness.subscribe(user_id)
    assert second != first
    assert await is_entitled(harness, user_id)
    harness.stripe.tell("invoice.paid", first)
    await harness.settle()
    assert await is_entitled(harness, user_id)
    assert await harness.sync.claim() is None


async def test_a_customer_whose_deletion_was_never_told_does_not_end_in_a_refusal(harness: Harness) -> None:
    user_id = somebody()
    first = await harness.subscribe(user_id)
    harness.stripe.change(first, "customer.subscription.deleted", status=ProviderStatus.CANCELED)
    await harness.settle()
    harness.stripe.delete(first)
    harness.stripe.events.clear()
    opened = await harness.use_cases.open_checkout(attempt(user_id, "again"), PRO)
    harness.stripe.pay(f"cs_{opened.answer.body['id']}")
    await harness.settle()
    assert await is_entitled(harness, user_id)


async def test_another_refusal_is_still_a_refusal(harness: Harness) -> None:
    user_id = somebody()
    harness.stripe.faults = [ProviderRefused("parameter_invalid")]
    with pytest.raises(ProviderRefused):
        await harness.use_cases.open_checkout(attempt(user_id), PRO)


async def test_a_new_spell_of_failed_payments_has_a_grace_of_its_own_though_the_recovery_was_lost(
    harness: Harness,
) -> None:
    user_id, stripe = somebody(), harness.stripe
    customer = await harness.subscribe(user_id)
    stripe.fail_payment(customer)
    await harness.settle()
    stripe.recover(customer)
    stripe.events.clear()
    harness.clock.advance(days=30)
    stripe.fail_payment(customer)
    await harness.settle()
    subscription = await harness.use_cases.read_subscription(user_id)
    assert subscription.past_due_since == harness.clock.now
    assert replace(subscription, past_due_since=None) != subscription


async def test_a_refund_in_parts_denies_with_the_last_of_them(harness: Harness) -> None:
    user_id, stripe = somebody(), harness.stripe
    customer = await harness.subscribe(user_id)
    stripe.take_back(customer, "refund", "succeeded", 500)
    stripe.take_back(customer, "refund", "failed", 499)
    await harness.settle()
    assert await is_entitled(harness, user_id)
    harness.clock.advance(minutes=1)
    last = stripe.take_back(customer, "refund", "pending", 499)
    await harness.settle()
    assert not await is_entitled(harness, user_id)
    stripe.decide(customer, last, "failed")
    await harness.settle()
    assert await is_entitled(harness, user_id)
