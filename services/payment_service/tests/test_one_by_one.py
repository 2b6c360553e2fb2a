"""One person for whom it always fails holds up nobody: not at an edge, not after a change of plans."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from payment_service.application.apply_edges import ApplyEdges
from payment_service.application.one_by_one import OneByOne
from payment_service.application.recompute_access import RecomputeAccess
from payment_service.application.send_dunning import SendDunning
from payment_service.domain.access import AccessState
from payment_service.domain.ids import UserId
from services.payment_service.tests.harness import TTL, Harness, somebody
from services.payment_service.tests.shipped import shipped_catalogue
from services.payment_service.tests.test_plan_changes import ADMIN, with_stories

pytestmark = pytest.mark.anyio
NO_MORE_VERSIONS = 2**63 - 1
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def set_version(database_url: str, user_id: UserId, version: int) -> None:
    """Let no version follow, so that nothing can be computed for this person; or let one follow again."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE payment.access_versions SET version = %s WHERE user_id = %s AND valid_to IS NULL",
            (version, user_id),
        )


async def two(harness: Harness, database_url: str) -> tuple[UserId, UserId]:
    """Return somebody for whom it fails, who comes first, and somebody else."""
    broken, other = somebody(), somebody()
    for user_id in (broken, other):
        await harness.subscribe(user_id)
        harness.clock.advance(seconds=1)
    set_version(database_url, broken, NO_MORE_VERSIONS)
    return broken, other


async def test_a_change_of_plans_goes_past_whom_it_fails_for_and_comes_back(
    postgres: Harness, database_url: str
) -> None:
    broken, other = await two(postgres, database_url)
    pro = shipped_catalogue().plans["pro"]
    await postgres.use_cases.change_entitlements("pro", with_stories(pro, 12), 1, ADMIN, "a summer sale")
    recompute = RecomputeAccess(postgres.work, postgres.clock, TTL)
    await recompute()
    assert (await postgres.access(other)).access.features["stories.day"]["limit"] == 12
    async with postgres.work() as work:
        assert [each.user_id for each in await work.accesses.recomputes(9)] == [broken]
        assert await work.accesses.recomputes(9, recompute.one_by_one.resting(postgres.clock())) == []
    set_version(database_url, broken, 2)
    postgres.clock.advance(seconds=1)
    await recompute()
    assert (await postgres.access(broken)).access.features["stories.day"]["limit"] == 12


async def test_edges_are_drawn_past_whom_it_fails_for(postgres: Harness, database_url: str) -> None:
    broken, other = await two(postgres, database_url)
    postgres.clock.advance(days=40)
    apply_edges = ApplyEdges(postgres.work, postgres.clock, postgres.use_cases.read_access)
    await apply_edges()
    assert (await postgres.access(other)).access.state is AccessState.DELINQUENT
    async with postgres.work() as work:
        assert await work.accesses.lapsed(postgres.clock(), 9) == [broken]
        assert await work.accesses.lapsed(postgres.clock(), 9, apply_edges.one_by_one.resting(postgres.clock())) == []


async def test_who_rests_is_not_reminded(harness: Harness) -> None:
    user_id, send = somebody(), SendDunning(harness.work, harness.clock)
    harness.stripe.fail_payment(await harness.subscribe(user_id))
    await harness.settle()

    async def fail() -> None:
        raise OSError

    await send.one_by_one(user_id, fail, harness.clock())
    await send()
    assert "dunning.notice_due" not in await harness.types()
    harness.clock.advance(seconds=1)
    await send()
    assert "dunning.notice_due" in await harness.types()


async def test_rests_grow_to_five_minutes_and_end_with_a_success() -> None:
    one_by_one, user_id, rests = OneByOne(), somebody(), list[int]()

    async def fail() -> None:
        raise OSError

    async def succeed() -> None: ...

    for _ in range(11):
        await one_by_one(user_id, fail, NOW)
        rests.append(next(each for each in range(400) if not one_by_one.resting(NOW + timedelta(seconds=each))))
    assert rests == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    await one_by_one(user_id, succeed, NOW)
    assert one_by_one.resting(NOW) == []
