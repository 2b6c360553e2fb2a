"""From webhook to access: whatever arrives, in whatever order, the end is what the provider says."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from payment_service.application.sync_customer import LEASE, LEASE_LOST
from payment_service.domain.access import AccessState
from payment_service.domain.errors import ProviderUnavailable
from payment_service.domain.subscription import ProviderStatus, SubscriptionReading, Terms
from services.payment_service.tests.harness import PRO, Harness, attempt, somebody
from services.payment_service.tests.worlds import MONTH

pytestmark = pytest.mark.anyio


async def test_paying_gives_access_and_tells_the_others(harness: Harness) -> None:
    user_id = somebody()
    await harness.subscribe(user_id)
    version = await harness.access(user_id)
    assert (version.version, version.access.state, version.access.plan_code) == (1, AccessState.ACTIVE, "pro")
    assert version.cause.type == "webhook"
    told = {fact.type: fact for fact in await harness.told()}
    assert list(told) == ["subscription.created", "payment.succeeded", "access.changed"]
    snapshot = version.document(30) | {"cause_type": "webhook", "cause_id": version.cause.id}
    assert told["access.changed"].data == snapshot
    assert told["payment.succeeded"].data["amount"] == 999


async def test_redelivered_events_are_counted_and_change_nothing(harness: Harness) -> None:
    user_id = somebody()
    await harness.subscribe(user_id)
    facts, calls = await harness.types(), harness.stripe.calls
    event = harness.stripe.tell("invoice.paid", await harness.customer(user_id))
    await harness.settle()
    again = harness.stripe.calls
    await harness.deliver([event, event])
    await harness.drain()
    assert again == calls + 1
    assert (harness.stripe.calls, await harness.types()) == (again, facts)


async def test_the_whole_life_of_a_subscription_is_told_once(harness: Harness) -> None:
    user_id, stripe = somebody(), harness.stripe
    customer = await harness.subscribe(user_id)
    start = len(await harness.types())
    stripe.change(customer, cancel_at_period_end=True)
    await harness.settle()
    stripe.change(customer, cancel_at_period_end=False)
    await harness.settle()
    harness.clock.advance(days=30)
    stripe.fail_payment(customer)
    await harness.settle()
    assert (await harness.access(user_id)).access.state is AccessState.GRACE
    stripe.recover(customer)
    await harness.settle()
    stripe.change(customer, "customer.subscription.deleted", status=ProviderStatus.CANCELED)
    await harness.settle()
    assert (await harness.access(user_id)).access.state is AccessState.ENDED
    assert (await harness.types())[start:] == [
        "subscription.cancel_scheduled",
        "subscription.resumed",
        "payment.failed",
        "access.changed",
        "subscription.renewed",
        "payment.succeeded",
        "access.changed",
        "subscription.cancelled",
        "access.changed",
    ]


async def test_a_dearer_plan_is_an_upgrade_with_new_features(harness: Harness) -> None:
    user_id = somebody()
    customer = await harness.subscribe(user_id)
    theirs = harness.stripe.subscriptions[customer]
    theirs[-1] = replace(theirs[-1], price_id="price_max_month")
    harness.stripe.tell("customer.subscription.updated", customer)
    await harness.settle()
    version = await harness.access(user_id)
    assert (version.version, version.access.plan_code, version.plan_rank) == (2, "max", 2)
    assert (await harness.types())[-2:] == ["subscription.upgraded", "access.changed"]


@pytest.mark.parametrize("seed", range(6))
async def test_any_order_with_duplicates_and_losses_ends_the_same(harness: Harness, seed: int) -> None:
    user_id, stripe = somebody(), harness.stripe
    opened = await harness.use_cases.open_checkout(attempt(user_id), PRO)
    stripe.pay(f"cs_{opened.answer.body['id']}")
    customer = await harness.customer(user_id)
    stripe.fail_payment(customer)
    stripe.recover(customer)
    stripe.change(customer, cancel_at_period_end=True)
    chance = random.Random(seed)
    events = chance.choices(stripe.events, k=len(stripe.events) * 2)
    for event in events:
        await harness.deliver([event])
        if chance.random() < 0.5:
            await harness.drain()
    await harness.drain()
    access = (await harness.access(user_id)).access
    subscription = await harness.use_cases.read_subscription(user_id)
    assert (access.state, access.plan_code) == (AccessState.ACTIVE, "pro")
    assert subscription.terms == stripe.subscriptions[customer][-1].terms
    invoices, _ = await harness.use_cases.read_invoices(user_id, 10, None)
    assert {invoice.reading.status for invoice in invoices} == {"paid"}


async def test_an_event_that_comes_during_a_sync_causes_another_one(harness: Harness) -> None:
    user_id = somebody()
    customer = await harness.subscribe(user_id)
    harness.stripe.change(customer, status=ProviderStatus.PAST_DUE)
    late = harness.stripe.tell("customer.subscription.updated", customer)
    harness.stripe.events.remove(late)

    async def meanwhile() -> None:
        harness.stripe.change(customer, status=ProviderStatus.CANCELED)
        await harness.deliver([late])

    harness.stripe.before_answer = meanwhile
    await harness.settle()
    assert (await harness.access(user_id)).access.state is AccessState.ENDED


async def test_a_reading_whose_lease_was_taken_over_is_not_written(harness: Harness) -> None:
    user_id = somebody()
    customer = await harness.subscribe(user_id)
    await harness.deliver([harness.stripe.tell("invoice.paid", customer)])
    slow = await harness.sync.claim()
    assert slow is not None
    assert await harness.sync.claim() is None

    async def meanwhile() -> None:
        harness.stripe.change(customer, status=ProviderStatus.CANCELED)
        harness.clock.advance(seconds=LEASE.total_seconds())
        await harness.drain()

    harness.stripe.before_answer = meanwhile
    assert await harness.sync(slow) == LEASE_LOST
    assert (await harness.access(user_id)).access.state is AccessState.ENDED
    assert not await harness.sync.fail(slow, "too late")
    assert not await harness.sync.renew(slow)
    await harness.settle()


async def test_while_the_provider_is_away_a_sync_waits_ever_longer(harness: Harness) -> None:
    user_id = somebody()
    customer = await harness.subscribe(user_id)
    harness.stripe.change(customer, status=ProviderStatus.CANCELED)
    harness.stripe.faults = [ProviderUnavailable] * 2
    await harness.settle()
    assert await harness.sync.claim() is None
    harness.clock.advance(seconds=1)
    await harness.drain()
    harness.clock.advance(seconds=1)
    assert await harness.sync.claim() is None
    harness.clock.advance(seconds=1)
    await harness.drain()
    assert (await harness.access(user_id)).access.state is AccessState.ENDED


async def test_a_price_that_is_none_of_ours_grants_nothing_and_is_tried_again(harness: Harness) -> None:
    user_id = somebody()
    customer = await harness.subscribe(user_id)
    theirs = harness.stripe.subscriptions[customer]
    ours = theirs[-1]
    theirs[-1] = replace(ours, price_id="price_of_somebody_else")
    harness.stripe.tell("customer.subscription.updated", customer)
    await harness.settle()
    assert (await harness.access(user_id)).version == 1
    theirs[-1] = replace(ours, price_id="price_newer", lookup_key="max_month")
    harness.clock.advance(seconds=1)
    await harness.drain()
    assert (await harness.access(user_id)).access.plan_code == "max"


async def test_a_stranger_beside_our_subscription_does_not_lock_out_whoever_paid(harness: Harness) -> None:
    user_id = somebody()
    opened = await harness.use_cases.open_checkout(attempt(user_id), PRO)
    harness.stripe.pay(f"cs_{opened.answer.body['id']}")
    customer, now = await harness.customer(user_id), harness.clock.now
    foreign = SubscriptionReading(Terms("sub_foreign", ProviderStatus.ACTIVE, now, now, now + MONTH), "price_foreign")
    harness.stripe.subscriptions[customer].append(foreign)
    await harness.settle()
    assert (await harness.access(user_id)).access.plan_code == "pro"
    assert await harness.sync.claim() is None
    harness.clock.advance(seconds=1)
    retried = await harness.sync.claim()
    assert retried is not None
    assert retried.attempts == 2


async def test_a_page_that_the_provider_forgot_does_not_lock_out_whoever_paid(harness: Harness) -> None:
    user_id = somebody()
    opened = await harness.use_cases.open_checkout(attempt(user_id), PRO)
    harness.stripe.pay(f"cs_{opened.answer.body['id']}")
    harness.stripe.sessions.clear()
    await harness.settle()
    assert (await harness.access(user_id)).access.is_entitled


async def test_an_unknown_customer_is_given_up_after_twelve_attempts_and_tried_on_the_next_event(
    harness: Harness,
) -> None:
    event = harness.stripe.tell("invoice.paid", "cus_of_nobody")
    await harness.settle()
    for _ in range(11):
        harness.clock.advance(hours=1)
        await harness.drain()
    dead = [fact for fact in await harness.told() if fact.type == "webhook.dead"]
    assert [fact.data for fact in dead] == [{"event_id": event.id, "type": "invoice.paid", "error": "unknown customer"}]
    harness.clock.advance(days=2)
    assert await harness.sync.claim() is None
    await harness.deliver([harness.stripe.tell("invoice.paid", "cus_of_nobody")])
    assert await harness.sync.claim() is not None


async def test_two_live_subscriptions_do_not_stop_the_sync_and_one_counts(harness: Harness) -> None:
    user_id = somebody()
    customer = await harness.subscribe(user_id)
    now = harness.clock.now + timedelta(days=1)
    rival = SubscriptionReading(Terms("sub_rival", ProviderStatus.ACTIVE, now, now, now + MONTH), "price_max_month")
    harness.stripe.subscriptions[customer].insert(0, rival)
    harness.stripe.tell("customer.subscription.created", customer)
    await harness.settle()
    assert (await harness.use_cases.read_subscription(user_id)).terms.provider_id == "sub_rival"
    theirs = harness.stripe.subscriptions[customer]
    theirs[0] = replace(rival, terms=replace(rival.terms, status=ProviderStatus.CANCELED))
    harness.stripe.tell("customer.subscription.deleted", customer)
    await harness.settle()
    assert (await harness.access(user_id)).access.plan_code == "pro"


async def test_access_ends_on_the_edge_for_whoever_asks_and_for_whoever_listens(harness: Harness) -> None:
    asks, listens = somebody(), somebody()
    for user_id in (asks, listens):
        customer = await harness.subscribe(user_id)
        harness.stripe.fail_payment(customer)
    await harness.settle()
    edge = (await harness.access(asks)).access.next_change_at
    assert edge == harness.clock.now + timedelta(days=7)
    harness.clock.now = edge - timedelta(microseconds=1)
    assert (await harness.access(asks)).access.is_entitled
    assert not await harness.apply_edges()
    harness.clock.now = edge
    asked = await harness.access(asks)
    assert (asked.access.state, asked.cause.type, asked.version) == (AccessState.DELINQUENT, "timer", 3)
    assert not await harness.apply_edges()
    changed = [fact.data["user_id"] for fact in await harness.told() if fact.type == "access.changed"]
    assert (changed.count(str(asks)), changed.count(str(listens))) == (3, 3)


async def test_grace_runs_from_the_first_failure_whenever_it_is_learned(harness: Harness) -> None:
    user_id = somebody()
    customer = await harness.subscribe(user_id)
    failed_at = harness.clock.now
    harness.stripe.fail_payment(customer)
    harness.clock.advance(days=3)
    await harness.settle()
    subscription = await harness.use_cases.read_subscription(user_id)
    assert (subscription.past_due_since, subscription.grace_until) == (failed_at, failed_at + timedelta(days=7))


async def test_invoices_come_in_pages_youngest_first(harness: Harness) -> None:
    user_id = somebody()
    customer = await harness.subscribe(user_id)
    for _ in range(3):
        harness.clock.advance(days=30)
        harness.stripe.fail_payment(customer)
        harness.stripe.recover(customer)
    await harness.settle()
    first, more = await harness.use_cases.read_invoices(user_id, 3, None)
    rest, end = await harness.use_cases.read_invoices(user_id, 3, (first[-1].reading.created_at, first[-1].id))
    assert (len(first), more, len(rest), end) == (3, True, 1, False)
    moments = [invoice.reading.created_at for invoice in [*first, *rest]]
    assert moments == sorted(moments, reverse=True)
    billing = await harness.use_cases.read_billing(user_id)
    assert (len(billing.invoices), billing.customer and billing.customer.id) == (4, customer)


async def test_of_somebody_unknown_there_is_nothing(harness: Harness) -> None:
    billing = await harness.use_cases.read_billing(somebody())
    assert (billing.customer, billing.subscription, list(billing.invoices)) == (None, None, [])
    assert (billing.access.version, billing.access.access.plan_code) == (0, "free")
