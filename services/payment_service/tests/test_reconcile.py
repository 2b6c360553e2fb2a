"""Reconciliation: what webhooks never told is found page by page, healed and reported; safe at any time."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from payment_service.application.reconcile import LEASE
from payment_service.domain.access import AccessState
from payment_service.domain.errors import ProviderUnavailable
from payment_service.domain.ids import UserId
from payment_service.domain.subscription import ProviderStatus
from services.payment_service.tests.harness import Harness, somebody

pytestmark = pytest.mark.anyio


async def subscribers(harness: Harness, count: int) -> list[UserId]:
    people = [somebody() for _ in range(count)]
    for user_id in people:
        await harness.subscribe(user_id)
        harness.clock.advance(seconds=1)
    return people


async def drift_facts(harness: Harness) -> list[tuple[object, ...]]:
    told = [each.data for each in await harness.told() if each.type == "reconcile.drift_found"]
    return [(each["field"], each["ours"], each["theirs"], each["healed"]) for each in told]


async def test_where_nothing_was_lost_nothing_differs(harness: Harness) -> None:
    await subscribers(harness, 5)
    calls, told = harness.stripe.calls, await harness.types()
    report = await harness.reconcile_all()
    assert (report.checked, report.drifted, report.healed, report.details) == (10, 0, 0, ())
    assert report.finished_at is not None
    assert await harness.types() == told
    assert harness.stripe.calls == calls + 3 + 3  # pages of two: subscriptions and invoices, and nothing else


async def test_lost_webhooks_are_healed_and_reported(harness: Harness) -> None:
    people = await subscribers(harness, 5)
    customer = await harness.customer(people[2])
    harness.stripe.change(customer, status=ProviderStatus.CANCELED)
    harness.stripe.events.clear()
    report = await harness.reconcile_all()
    assert (await harness.access(people[2])).access.state is AccessState.ENDED
    assert (await harness.access(people[2])).cause.type == "reconcile"
    assert (report.drifted, report.healed) == (1, 1)
    [entry] = report.details
    name = harness.stripe.subscriptions[customer][0].terms.provider_id
    expected = (f"subscription:{name}.status", "active", "canceled", True)
    assert (entry["who"], entry["field"], entry["ours"], entry["theirs"], entry["healed"]) == (
        str(people[2]),
        *expected,
    )
    assert await drift_facts(harness) == [expected]
    assert (await harness.reconcile_all()).drifted == 0


@pytest.mark.parametrize("spoil", [0, 1, 4])
async def test_what_stripe_lists_no_more_is_found_wherever_it_stood(harness: Harness, spoil: int) -> None:
    people = await subscribers(harness, 5)
    harness.stripe.subscriptions.pop(await harness.customer(people[spoil]))
    report = await harness.reconcile_all()
    assert (report.drifted, report.healed) == (1, 1)
    entitled = [(await harness.access(user_id)).access.is_entitled for user_id in people]
    assert entitled == [number != spoil for number in range(5)]


async def test_subscriptions_of_one_second_that_part_two_pages_do_not_differ(harness: Harness) -> None:
    people = [somebody() for _ in range(5)]
    for user_id in people:
        await harness.subscribe(user_id)
    assert (await harness.reconcile_all()).drifted == 0
    harness.stripe.subscriptions.pop(await harness.customer(people[0]))
    assert (await harness.reconcile_all()).drifted == 1


async def test_a_lost_invoice_and_a_lost_refund_are_found(harness: Harness) -> None:
    [user_id] = await subscribers(harness, 1)
    customer = await harness.customer(user_id)
    invoices = harness.stripe.invoices[customer]
    invoices[0] = replace(invoices[0], number="A-2")
    assert (await harness.reconcile_all()).drifted == 1
    harness.stripe.take_back(customer, "refund", "succeeded")
    harness.stripe.events.clear()
    assert (await harness.reconcile_all()).drifted == 1
    access = (await harness.access(user_id)).access
    assert (access.is_entitled, access.reason) == (False, "access_denied")
    assert (await harness.reconcile_all()).drifted == 0


async def test_a_customer_that_is_lost_here_is_found_by_what_we_wrote_there(harness: Harness) -> None:
    owner = somebody()
    customer = await harness.stripe.create_customer(owner)
    template = await harness.subscribe(somebody())
    reading = harness.stripe.subscriptions[template][0]
    harness.stripe.subscriptions[customer] = [replace(reading, terms=replace(reading.terms, provider_id="sub_lost"))]
    report = await harness.reconcile_all()
    assert (report.drifted, report.healed) == (1, 1)
    assert (await harness.access(owner)).access.plan_code == "pro"


async def test_a_customer_of_nobody_is_reported_and_not_healed(harness: Harness) -> None:
    template = await harness.subscribe(somebody())
    reading = harness.stripe.subscriptions[template][0]
    harness.stripe.subscriptions["cus_x"] = [replace(reading, terms=replace(reading.terms, provider_id="sub_x"))]
    asked = await harness.reconcile_all()
    for _ in range(11):
        harness.clock.advance(hours=1)
        await harness.drain()
    report = await harness.request_reconcile.read(asked.id)
    assert (report.drifted, report.healed) == (1, 0)
    assert await drift_facts(harness) == [("customer", None, "unknown customer", False)]


async def test_pending_customers_are_those_who_wait(harness: Harness) -> None:
    settled, failing, overdue = await subscribers(harness, 3)
    stripe = harness.stripe
    stripe.fail_payment(await harness.customer(failing))
    await harness.settle()
    stripe.recover(await harness.customer(failing))
    harness.clock.advance(days=31)
    for user_id in (settled, overdue):
        customer = await harness.customer(user_id)
        stripe.change(customer, period_end=harness.clock.now + timedelta(days=30))
        if user_id is settled:
            stripe.events[:] = stripe.events[-1:]
            await harness.settle()
    stripe.events.clear()
    report = await harness.reconcile_all("pending")
    assert (report.checked, report.drifted) == (2, 2)
    assert (await harness.access(failing)).access.state is AccessState.ACTIVE


async def test_two_at_once_find_the_same_and_heal_it_once(harness: Harness) -> None:
    people = await subscribers(harness, 4)
    for user_id in people:
        harness.stripe.change(await harness.customer(user_id), status=ProviderStatus.CANCELED)
    harness.stripe.events.clear()
    asked = [await harness.request_reconcile.scope("all") for _ in range(2)]
    runs = [await harness.reconcile.claim(run.id) for run in asked]
    assert await asyncio.gather(*(harness.reconcile(run) for run in runs if run)) == [True, True]
    await harness.drain()
    reports = [await harness.request_reconcile.read(run.id) for run in asked]
    assert sum(report.healed for report in reports) == 4
    assert (await harness.types()).count("subscription.cancelled") == 4


async def test_a_run_whose_runner_died_is_done_by_another(harness: Harness) -> None:
    await subscribers(harness, 3)
    await harness.request_reconcile.scope("all")
    dead = await harness.reconcile.claim()
    assert dead is not None
    assert await harness.reconcile.claim() is None
    harness.clock.advance(seconds=LEASE.total_seconds())
    assert await harness.reconcile.next()
    assert not await harness.reconcile(dead)
    assert (await harness.request_reconcile.read(dead.id)).checked == 6


async def test_while_stripe_is_away_a_run_waits(harness: Harness) -> None:
    await subscribers(harness, 1)
    asked = await harness.request_reconcile.scope("all")
    harness.stripe.faults = [ProviderUnavailable]
    with pytest.raises(ProviderUnavailable):
        await harness.reconcile.next()
    harness.clock.advance(seconds=LEASE.total_seconds())
    assert await harness.reconcile.next()
    assert (await harness.request_reconcile.read(asked.id)).finished_at is not None


async def test_runs_are_due_every_quarter_of_an_hour_and_every_day(postgres: Harness) -> None:
    async def due() -> int:
        await asyncio.gather(*(postgres.request_reconcile.due() for _ in range(4)))
        count = 0
        while run := await postgres.reconcile.claim():
            await postgres.reconcile(run)
            count += 1
        return count

    assert await due() == 2
    assert await due() == 0
    postgres.clock.advance(minutes=15)
    assert await due() == 1
    postgres.clock.advance(hours=24)
    assert await due() == 2


async def test_memory_does_not_grow_with_the_number_of_pages(harness: Harness) -> None:
    """The comparison holds one page, and of the one before only those of its last second."""
    await subscribers(harness, 7)
    seen: list[int] = []
    asked = await harness.request_reconcile.scope("all")
    claimed = await harness.reconcile.claim(asked.id)
    assert claimed is not None
    progress: Callable[[int], None] = seen.append
    await harness.reconcile(claimed, progress)
    assert max(seen) == 2
    assert sum(seen) == 14
