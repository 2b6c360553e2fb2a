"""What plans allow is changed from an instant on, for everybody who has them, and never overwritten."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from common_auth.testing import TestIssuer
from payment_service.application.access_ports import Span
from payment_service.application.change_overrides import OverrideWish
from payment_service.application.change_plans import LoadPlans
from payment_service.application.recompute_access import RecomputeAccess
from payment_service.domain.errors import PlanNotFound, PlansUnfit, VersionStale
from payment_service.domain.plans import Entitlement, Plan
from payment_service.domain.subscription import ProviderStatus
from services.payment_service.tests.harness import TTL, Harness, attempt, somebody
from services.payment_service.tests.shipped import shipped_catalogue

pytestmark = pytest.mark.anyio
ADMIN = UUID(int=7)
SHIPPED = list(shipped_catalogue().plans.values())


def with_stories(plan: Plan, limit: int) -> list[Entitlement]:
    """Return what the plan allows, with another number of stories a day."""
    return [replace(each, limit=limit) if each.feature == "stories.day" else each for each in plan.entitlements]


def _limit(stories: int) -> dict[str, Any]:
    return {"kind": "limit", "limit": stories, "window": "day"}


async def test_a_change_reaches_everybody_who_has_the_plan_and_nobody_else(harness: Harness) -> None:
    has_it, has_none = somebody(), somebody()
    await harness.subscribe(has_it)
    pro = shipped_catalogue().plans["pro"]
    changed = await harness.use_cases.change_entitlements("pro", with_stories(pro, 12), 1, ADMIN, "a summer sale")
    assert (changed.version, (await harness.access(has_it)).version) == (2, 1)
    recompute = RecomputeAccess(harness.work, harness.clock, TTL)
    assert not await recompute()
    version = await harness.access(has_it)
    assert version.access.features["stories.day"] == {"kind": "limit", "limit": 12, "window": "day"}
    assert (version.cause.type, version.cause.id, version.cause.actor) == ("plan_change", "plan:pro:2", ADMIN)
    assert (await harness.access(has_none)).version == 0
    await recompute()
    told = [(fact.type, fact.version) for fact in await harness.told()][-2:]
    assert told == [("plan.entitlements_changed", 2), ("access.changed", 2)]
    diff = next(fact.data["diff"] for fact in await harness.told() if fact.type == "plan.entitlements_changed")
    assert diff == {
        "stories.day": {
            "before": {"kind": "limit", "limit": 10, "window": "day"},
            "after": {"kind": "limit", "limit": 12, "window": "day"},
        }
    }


async def test_what_a_plan_said_is_kept(harness: Harness) -> None:
    pro = shipped_catalogue().plans["pro"]
    change = harness.use_cases.change_entitlements
    harness.clock.advance(days=1)
    await change("pro", with_stories(pro, 12), 1, ADMIN, "a summer sale")
    harness.clock.advance(days=1)
    await change("pro", with_stories(pro, 10), 2, ADMIN, "the sale is over")
    plan, history = await harness.use_cases.read_entitlements("pro")
    assert (plan.version, plan.entitlements) == (3, pro.entitlements)
    about = [each for each in history if each.entitlement.feature == "stories.day"]
    assert [each.entitlement.limit for each in about] == [10, 12, 10]
    assert [each.reason for each in about] == ["the sale is over", "a summer sale", None]
    assert [each.valid_to for each in about] == [None, about[0].valid_from, about[1].valid_from]
    async with harness.work() as work:
        then = await work.plans.catalogue(about[1].valid_from)
    assert next(each for each in then.plans["pro"].entitlements if each.feature == "stories.day").limit == 12


async def test_a_change_of_nothing_changes_nothing(harness: Harness) -> None:
    pro = shipped_catalogue().plans["pro"]
    plan = await harness.use_cases.change_entitlements("pro", pro.entitlements[::-1], 1, ADMIN, "no change")
    assert (plan.version, await harness.types()) == (1, [])


async def test_a_change_that_makes_no_sense_is_refused(harness: Harness) -> None:
    pro, change = shipped_catalogue().plans["pro"], harness.use_cases.change_entitlements
    with pytest.raises(VersionStale):
        await change("pro", pro.entitlements, 2, ADMIN, "too late")
    with pytest.raises(PlanNotFound):
        await change("gold", pro.entitlements, 1, ADMIN, "not ours")
    with pytest.raises(PlansUnfit, match=r"does not say what it allows of cases\.own"):
        await change("pro", pro.entitlements[1:], 1, ADMIN, "one forgotten")
    with pytest.raises(PlansUnfit, match=r"The plan pro does not say what it allows of story.sing"):
        await change("pro", [*pro.entitlements, Entitlement("story.sing", "flag", flag=True)], 1, ADMIN, "one more")


async def test_loading_what_is_there_changes_nothing(harness: Harness) -> None:
    assert await LoadPlans(harness.work, harness.clock)(SHIPPED) == []
    assert await harness.types() == []


async def test_other_plans_take_the_place_of_those_that_are_sold(harness: Harness) -> None:
    user_id, load = somebody(), LoadPlans(harness.work, harness.clock)
    await harness.subscribe(user_id)
    free, pro, _ = SHIPPED
    silver = replace(pro, code="silver", name="Silver", rank=1)
    wanted = [replace(free, entitlements=tuple(with_stories(free, 1))), silver]
    dry = await load(wanted, is_dry=True)
    assert await load(wanted) == dry
    assert dry == [
        f"free: stories.day is {_limit(1)}, was {_limit(0)}",
        "silver: new, with 23 features",
        "pro: retired",
        "max: retired",
    ]
    assert await load(wanted) == []
    assert [plan.code for plan in await harness.use_cases.list_plans()] == ["free", "silver"]
    kept = await harness.access(user_id)
    assert (kept.access.plan_code, kept.access.is_entitled) == ("pro", True)
    assert await load(SHIPPED)
    assert [plan.code for plan in await harness.use_cases.list_plans()] == ["free", "pro", "max"]


async def test_another_default_reaches_whoever_pays_for_none(harness: Harness) -> None:
    user_id = somebody()
    customer = await harness.subscribe(user_id)
    harness.stripe.change(customer, status=ProviderStatus.CANCELED)
    await harness.settle()
    free, *others = SHIPPED
    await LoadPlans(harness.work, harness.clock)([replace(free, code="basic", name="Basic"), *others])
    await RecomputeAccess(harness.work, harness.clock, TTL)()
    assert (await harness.access(user_id)).access.plan_code == "basic"


async def test_another_rank_reaches_whoever_has_the_plan(harness: Harness) -> None:
    has_it, has_none = somebody(), somebody()
    await harness.subscribe(has_it)
    free, pro, most = SHIPPED
    await LoadPlans(harness.work, harness.clock)([free, replace(pro, rank=2), replace(most, rank=3)])
    assert [each.version for each in (await harness.access(has_it), await harness.access(has_none))] == [1, 0]
    await RecomputeAccess(harness.work, harness.clock, TTL)()
    version = await harness.access(has_it)
    assert (version.version, version.plan_rank, version.cause.type) == (2, 2, "plan_change")
    [*_, told] = await harness.told()
    assert (told.type, told.data["plan"], told.data["cause_type"]) == (
        "access.changed",
        {"code": "pro", "rank": 2},
        "plan_change",
    )
    harness.clock.advance(seconds=1)
    past, _ = await harness.use_cases.read_history.page(has_it, Span(), 9)
    assert [each.version.plan_rank for each in past] == [2, 1]


async def test_whom_everything_is_allowed_has_the_least_of_what_is_sold_now(harness: Harness) -> None:
    user_id = somebody()
    wish = OverrideWish(user_id, "allow", "*", None, None, harness.clock() + timedelta(days=9), "a friend of ours")
    await harness.use_cases.add_override(attempt(user_id), wish)
    free, pro, most = SHIPPED
    await LoadPlans(harness.work, harness.clock)([free, replace(pro, rank=2), replace(most, rank=1)])
    await RecomputeAccess(harness.work, harness.clock, TTL)()
    version = await harness.access(user_id)
    assert (version.access.plan_code, version.cause.type, version.cause.id) == ("max", "plan_change", "least:max")


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ([], "Exactly one plan"),
        ([SHIPPED[0], replace(SHIPPED[1], is_default=True)], "Exactly one plan"),
        ([SHIPPED[0], SHIPPED[1], replace(SHIPPED[2], rank=1)], "Two plans have the rank 1"),
        ([SHIPPED[0], SHIPPED[1], replace(SHIPPED[1], rank=7)], "Two plans have the code pro"),
        ([replace(SHIPPED[0], rank=9), SHIPPED[1]], "the lowest rank"),
        ([SHIPPED[0], replace(SHIPPED[1], entitlements=SHIPPED[1].entitlements[1:])], "The plan pro does not say"),
    ],
)
async def test_plans_that_contradict_each_other_are_refused(
    harness: Harness, wanted: list[Plan], sentence: str
) -> None:
    with pytest.raises(PlansUnfit, match=sentence):
        await LoadPlans(harness.work, harness.clock)(wanted)


async def test_somebody_who_was_changed_twice_meanwhile_is_computed_for_the_last_change(harness: Harness) -> None:
    user_id, pro = somebody(), shipped_catalogue().plans["pro"]
    await harness.subscribe(user_id)
    await harness.use_cases.change_entitlements("pro", with_stories(pro, 12), 1, ADMIN, "a summer sale")
    async with harness.work() as work:
        (stale,) = await work.accesses.recomputes(10)
    await harness.use_cases.change_entitlements("pro", with_stories(pro, 13), 2, ADMIN, "more of it")
    async with harness.work() as work:
        await work.accesses.recomputed(stale)
        assert [each.cause_id for each in await work.accesses.recomputes(10)] == ["plan:pro:3"]
    await RecomputeAccess(harness.work, harness.clock, TTL)()
    versions, _ = await harness.use_cases.read_history.page(user_id, Span(), 10)
    assert [each.version.cause.type for each in versions] == ["plan_change", "webhook"]


async def test_an_admin_changes_what_they_have_seen(http: httpx2.AsyncClient, issuer: TestIssuer) -> None:
    service = {"Authorization": f"Bearer {issuer.service('payment/admin')}"}
    admin = service | {"X-Actor-Token": issuer.reader(uuid4(), groups=["admin"])}
    url = "/internal/v1/plans/pro/entitlements"
    seen = await http.get(url, headers=admin)
    assert (seen.status_code, seen.headers["etag"], seen.json()["version"]) == (200, '"1"', 1)
    features: dict[str, Any] = seen.json()["features"]
    features["stories.day"] = {"kind": "limit", "unlimited": True, "window": "day"}
    body = {"features": features, "reason": "a summer sale"}
    assert (await http.put(url, json=body, headers=admin)).status_code == 428
    changed = await http.put(url, json=body, headers=admin | {"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert changed.json()["features"] == features
    assert changed.json()["history"][0]["reason"] == "a summer sale"
    stale = await http.put(url, json=body, headers=admin | {"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "version_conflict")
    del features["stories.day"]
    unfit = await http.put(url, json=body, headers=admin | {"If-Match": '"2"'})
    assert (unfit.status_code, unfit.json()["code"]) == (422, "plans_unfit")
    features["stories.day"] = {"kind": "limit", "window": "day"}
    assert (await http.put(url, json=body, headers=admin | {"If-Match": '"2"'})).json()["code"] == "validation_failed"
    assert (await http.get("/internal/v1/plans/gold/entitlements", headers=admin)).status_code == 404
    assert (await http.get(url, headers=service)).status_code == 401
