"""Whoever is erased stops paying: told by user_service, ended at the provider with no transaction open."""

from uuid import uuid4

import pytest

from common_events.envelope import Envelope
from common_service.clock import utc_now
from common_service.database import Database
from payment_service.application.end_erased import EndErased
from payment_service.domain.access import AccessState
from payment_service.domain.errors import ProviderUnavailable
from payment_service.domain.ids import UserId
from payment_service.domain.subscription import ProviderStatus
from payment_service.infrastructure.user_events import handlers
from services.payment_service.tests.fake_leaving import FakeLeaving
from services.payment_service.tests.harness import PRO, Harness, attempt, somebody

pytestmark = pytest.mark.anyio


def ending(harness: Harness) -> EndErased:
    leaving = FakeLeaving(harness.stripe)
    return EndErased(harness.work, harness.stripe, harness.world.subscriptions, leaving, harness.clock)


async def leave(harness: Harness, user_id: UserId) -> None:
    async with harness.work() as work:
        await work.erasures.add(user_id, harness.clock())
        await work.commit()


async def test_what_they_have_ends_at_once_and_only_once(harness: Harness) -> None:
    user_id, other, end = somebody(), somebody(), ending(harness)
    await harness.subscribe(user_id)
    await harness.subscribe(other)
    for _ in range(2):
        await leave(harness, user_id)
    assert not await end()
    harness.stripe.events.clear()  # no webhook comes: the job itself asked for the sync
    await harness.drain()
    version = await harness.access(user_id)
    assert (version.access.state, version.cause.type) == (AccessState.ENDED, "erasure")
    assert (await harness.access(other)).access.state is AccessState.ACTIVE
    calls = harness.stripe.calls
    await leave(harness, user_id)
    await end()
    assert harness.stripe.calls == calls


async def test_a_page_that_is_open_when_they_leave_cannot_be_paid(harness: Harness) -> None:
    user_id, end = somebody(), ending(harness)
    opened = await harness.use_cases.open_checkout(attempt(user_id), PRO)
    await leave(harness, user_id)
    await end()
    name = f"cs_{opened.answer.body['id']}"
    assert harness.stripe.sessions[name][1] == "expired"
    await harness.drain()
    async with harness.work() as work:
        assert await work.checkouts.unfinished(user_id) is None


async def test_what_is_paid_meanwhile_ends_and_is_given_back_and_what_was_paid_before_is_not(harness: Harness) -> None:
    user_id, end = somebody(), ending(harness)
    opened = await harness.use_cases.open_checkout(attempt(user_id), PRO)
    harness.stripe.pay(f"cs_{opened.answer.body['id']}")
    customer = await harness.customer(user_id)
    harness.clock.advance(days=31)
    await leave(harness, user_id)
    harness.clock.advance(seconds=1)
    harness.stripe.recover(customer)
    await end()
    assert [each.status for each in harness.stripe.reversals[customer]] == ["succeeded"]
    assert not any(each.terms.is_live for each in harness.stripe.subscriptions[customer])
    await harness.settle()
    assert (await harness.types()).count("payment.refunded") == 1


async def test_a_page_that_opened_while_they_left_and_is_paid_later_is_ended_then(harness: Harness) -> None:
    user_id, end = somebody(), ending(harness)
    opened = await harness.use_cases.open_checkout(attempt(user_id), PRO)
    name = f"cs_{opened.answer.body['id']}"
    await leave(harness, user_id)
    await end()
    order, _ = harness.stripe.sessions[name]
    harness.stripe.sessions[name] = (order, "open")  # it was on its way when the others were closed
    harness.clock.advance(hours=1)
    harness.stripe.pay(name)
    await harness.settle()
    await end()
    await harness.settle()
    assert not (await harness.access(user_id)).access.is_entitled
    customer = await harness.customer(user_id)
    assert [each.status for each in harness.stripe.reversals[customer]] == ["succeeded"]
    calls = harness.stripe.calls
    await end()
    assert harness.stripe.calls == calls


async def test_while_the_provider_is_away_they_wait(harness: Harness) -> None:
    user_id, end = somebody(), ending(harness)
    customer = await harness.subscribe(user_id)
    await leave(harness, user_id)
    harness.stripe.faults = [ProviderUnavailable]
    await end()
    assert harness.stripe.subscriptions[customer][-1].terms.status is ProviderStatus.ACTIVE
    harness.clock.advance(seconds=1)
    await end()
    assert harness.stripe.subscriptions[customer][-1].terms.status is ProviderStatus.CANCELED


async def test_who_never_bought_has_nothing_to_be_ended(harness: Harness) -> None:
    await leave(harness, somebody())
    end, calls = ending(harness), harness.stripe.calls
    await end()
    async with harness.work() as work:
        assert await work.erasures.waiting(9) == []
    assert harness.stripe.calls == calls


@pytest.mark.parametrize(("status", "leaves"), [("erasing", True), ("erased", True), ("suspended", False)])
async def test_user_service_says_who_leaves(postgres: Harness, database: Database, status: str, leaves: bool) -> None:
    user_id = uuid4()
    data = {"user_id": str(user_id), "changed": ["status"], "status": status, "version": 2}
    told = Envelope(
        id=uuid4(),
        type="user.updated",
        source="user",
        schema_version=1,
        subject=user_id,
        time=utc_now(),
        partition_key=str(user_id),
        aggregate_version=2,
        correlation_id=None,
        causation_id=None,
        traceparent=None,
        data=data,
    )
    async with database.session() as session:
        await handlers(utc_now, 30)["user.updated"](session, told)
        await session.commit()
    async with postgres.work() as work:
        assert await work.erasures.waiting(9) == ([UserId(user_id)] if leaves else [])
