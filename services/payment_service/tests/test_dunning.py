"""Reminders of a failed payment: on days 0, 3 and 6, each once, none that is late, none after it is made good."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from payment_service.application.send_dunning import SendDunning
from payment_service.domain.access import AccessState
from payment_service.domain.dunning import day_due
from services.payment_service.tests.harness import Harness, somebody

pytestmark = pytest.mark.anyio


async def days(harness: Harness) -> list[object]:
    return [fact.data["day"] for fact in await harness.told() if fact.type == "dunning.notice_due"]


async def test_notices_come_on_their_days_each_once_until_the_grace_is_over(harness: Harness) -> None:
    user_id, send = somebody(), SendDunning(harness.work, harness.clock)
    customer = await harness.subscribe(user_id)
    await send()
    harness.stripe.fail_payment(customer)
    await harness.settle()
    until = harness.clock.now + timedelta(days=7)
    seen = []
    for _ in range(9):
        await asyncio.gather(send(), send())
        seen.append(len(await days(harness)))
        harness.clock.advance(days=1)
    assert (seen, await days(harness)) == ([1, 1, 1, 2, 2, 2, 3, 3, 3], [0, 3, 6])
    assert (await harness.access(user_id)).access.state is AccessState.DELINQUENT
    notice = next(fact for fact in await harness.told() if fact.type == "dunning.notice_due")
    assert notice.data["grace_until"] == until.isoformat().replace("+00:00", "Z")


async def test_whoever_pays_is_unlocked_at_once_and_left_in_peace(harness: Harness) -> None:
    user_id, send = somebody(), SendDunning(harness.work, harness.clock)
    customer = await harness.subscribe(user_id)
    harness.stripe.fail_payment(customer)
    await harness.settle()
    await send()
    harness.clock.advance(days=8)
    assert not (await harness.access(user_id)).access.is_entitled
    harness.stripe.recover(customer)
    await harness.settle()
    assert (await harness.access(user_id)).access.state is AccessState.ACTIVE
    await send()
    assert await days(harness) == [0]
    harness.clock.advance(days=22)
    harness.stripe.fail_payment(customer)
    await harness.settle()
    await send()
    assert await days(harness) == [0, 0]


async def test_a_notice_that_is_late_gives_way_to_the_next_one(harness: Harness) -> None:
    user_id, send = somebody(), SendDunning(harness.work, harness.clock)
    customer = await harness.subscribe(user_id)
    harness.stripe.fail_payment(customer)
    harness.clock.advance(days=4)
    await harness.settle()
    await send()
    await send()
    assert await days(harness) == [3]


def test_no_notice_is_due_before_the_failure_or_after_the_grace() -> None:
    since = datetime(2026, 11, 21, tzinfo=UTC)
    until = since + timedelta(days=7)
    moments = [since - timedelta(seconds=1), since, until - timedelta(seconds=1), until]
    assert [day_due(since, until, now) for now in moments] == [None, 0, 6, None]
