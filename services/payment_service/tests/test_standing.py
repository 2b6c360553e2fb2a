"""Whom the house suspends may use nothing that is sold, until they are let in again; old news counts for naught."""

from datetime import timedelta
from uuid import uuid4

import pytest

from common_events.envelope import Envelope
from common_service.database import Database
from payment_service.application.access_ports import Standing
from payment_service.application.follow_standing import follow_standing
from payment_service.domain.errors import AccountSuspended
from payment_service.domain.ids import UserId
from payment_service.infrastructure.user_events import handlers
from services.payment_service.tests.harness import PRO, TTL, Harness, attempt, somebody

pytestmark = pytest.mark.anyio


async def hear(harness: Harness, user_id: UserId, version: int, *, suspended: bool, days: int | None = None) -> None:
    now = harness.clock()
    until = now + timedelta(days=days) if days else None
    async with harness.work() as work:
        await follow_standing(work, Standing(user_id, version, suspended, now, until), now, TTL)
        await work.commit()


async def is_entitled(harness: Harness, user_id: UserId) -> bool:
    return (await harness.access(user_id)).access.is_entitled


async def test_a_suspension_closes_what_was_paid_for_and_its_end_opens_it_again(harness: Harness) -> None:
    user_id = somebody()
    await harness.subscribe(user_id)
    for _ in range(2):
        await hear(harness, user_id, 2, suspended=True)
    assert not await is_entitled(harness, user_id)
    assert (await harness.access(user_id)).cause.type == "override"
    told = await harness.types()
    assert told.count("access.changed") == 2
    await hear(harness, user_id, 3, suspended=False)
    assert await is_entitled(harness, user_id)
    await hear(harness, user_id, 2, suspended=True)
    assert await is_entitled(harness, user_id)


async def test_a_suspension_with_an_end_ends_by_itself(harness: Harness) -> None:
    user_id = somebody()
    await harness.subscribe(user_id)
    await hear(harness, user_id, 2, suspended=True, days=3)
    harness.clock.advance(days=3, seconds=-1)
    assert not await is_entitled(harness, user_id)
    harness.clock.advance(seconds=1)
    assert await is_entitled(harness, user_id)


async def test_a_sync_lifts_no_suspension(harness: Harness) -> None:
    user_id = somebody()
    customer = await harness.subscribe(user_id)
    await hear(harness, user_id, 2, suspended=True)
    harness.stripe.tell("customer.subscription.updated", customer)
    await harness.settle()
    assert not await is_entitled(harness, user_id)


async def test_nothing_is_sold_to_whoever_is_suspended_or_leaves(harness: Harness) -> None:
    ann, bob = somebody(), somebody()
    await hear(harness, ann, 2, suspended=True)
    async with harness.work() as work:
        await work.erasures.add(bob, harness.clock())
        await work.commit()
    for user_id in (ann, bob):
        with pytest.raises(AccountSuspended):
            await harness.use_cases.open_checkout(attempt(user_id), PRO)
    assert harness.stripe.calls == 0 or not harness.stripe.sessions
    await hear(harness, ann, 3, suspended=False)
    await harness.use_cases.open_checkout(attempt(ann), PRO)


async def test_user_service_says_who_is_suspended(postgres: Harness, database: Database) -> None:
    user_id = somebody()
    await postgres.subscribe(user_id)
    data = {"user_id": str(user_id), "status": "suspended", "until": None, "reason": "admin", "version": 2}
    told = Envelope(
        id=uuid4(),
        type="user.status_changed",
        source="user",
        schema_version=1,
        subject=user_id,
        time=postgres.clock(),
        partition_key=str(user_id),
        aggregate_version=2,
        correlation_id=None,
        causation_id=None,
        traceparent=None,
        data=data,
    )
    async with database.session() as session:
        await handlers(postgres.clock, TTL)["user.status_changed"](session, told)
        await session.commit()
    assert not await is_entitled(postgres, user_id)
