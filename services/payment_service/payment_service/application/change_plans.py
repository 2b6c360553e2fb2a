"""Changes what plans allow: an admin one plan's features, a deployment the whole catalogue. Nothing is overwritten."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from payment_service.application.access_ports import PriceReading
from payment_service.application.ports import Clock, NewId, StartWork, Work
from payment_service.domain.access_facts import entitlements_changed
from payment_service.domain.errors import PlanNotFound, PlansUnfit, VersionStale
from payment_service.domain.plan_changes import PastEntitlement, PlanChange, check_alike, check_together, concerned
from payment_service.domain.plans import Entitlement, Plan


@dataclass(frozen=True, slots=True)
class ReadEntitlements:
    """Raises PlanNotFound."""

    start_work: StartWork

    async def __call__(self, plan_code: str) -> tuple[Plan, Sequence[PastEntitlement]]:
        """Return a plan, and everything that it ever said, youngest first."""
        async with self.start_work() as work:
            plan = (await work.plans.catalogue()).plans.get(plan_code)
            if plan is None:
                raise PlanNotFound
            return plan, await work.plans.history(plan_code)


@dataclass(frozen=True, slots=True)
class ChangeEntitlements:
    """Raises PlanNotFound, PlansUnfit, VersionStale."""

    start_work: StartWork
    now: Clock

    async def __call__(
        self, plan_code: str, entitlements: Sequence[Entitlement], seen: int, actor: UUID, reason: str
    ) -> Plan:
        """Let a plan allow this from now on, if it is still the version that the admin has seen."""
        async with self.start_work() as work:
            await work.plans.lock()
            old = (await work.plans.catalogue()).plans.get(plan_code)
            if old is None:
                raise PlanNotFound
            if old.version != seen:
                raise VersionStale
            new = replace(old, entitlements=tuple(sorted(entitlements, key=lambda each: each.feature)))
            check_alike(old, new)
            change = PlanChange.between(old, new)
            if change.diff:
                await keep(work, change, self.now(), actor, reason, f"plan:{plan_code}:{old.version + 1}")
                await work.commit()
                new = replace(new, version=old.version + 1)
        return new


@dataclass(frozen=True, slots=True)
class LoadPlans:
    """Raises PlansUnfit."""

    start_work: StartWork
    now: Clock

    async def __call__(self, wanted: Sequence[Plan], *, is_dry: bool = False) -> list[str]:
        """Sell these plans and no others; return what changed, a sentence each, nothing when nothing did.

        A plan that is sold no more is retired: whoever has it keeps it.
        """
        check_together(wanted)
        async with self.start_work() as work:
            await work.plans.lock()
            before = await work.plans.catalogue()
            known = before.plans
            news = [line for plan in wanted for line in _news(known.get(plan.code), plan)]
            retired = [plan.code for plan in known.values() if plan.is_active and plan.code not in _codes(wanted)]
            news += [f"{code}: retired" for code in retired]
            if is_dry or not news:
                return news
            await work.plans.arrange(wanted, retired)
            for code, cause_id in concerned(before, wanted):
                await work.accesses.request_recompute(code, cause_id, None, self.now())
            for plan in wanted:
                change = PlanChange.between(known.get(plan.code), plan)
                version = known[plan.code].version + 1 if plan.code in known else 1
                if change.diff:
                    await keep(work, change, self.now(), None, "loaded", f"plan:{plan.code}:{version}")
            await work.commit()
        return news


@dataclass(frozen=True, slots=True)
class LoadPriceMap:
    """Raises PlansUnfit for the price of a plan that is not sold, or of the plan that costs nothing."""

    start_work: StartWork
    new_id: NewId

    async def __call__(
        self, prices: Sequence[tuple[str, PriceReading]], sold: Collection[str], *, is_dry: bool = False
    ) -> list[str]:
        """Sell plans at these prices; return what changed. A price that is not named goes on as it is."""
        places = [(code, price.currency, price.interval) for code, price in prices]
        for code, price in prices:
            if code not in sold:
                raise PlansUnfit(f"The price {price.provider_id} is for the plan {code}, which is not sold.")
            if places.count((code, price.currency, price.interval)) > 1:
                raise PlansUnfit(f"The plan {code} has two prices a {price.interval} in {price.currency}.")
        async with self.start_work() as work:
            news: list[str] = []
            plans = (await work.plans.catalogue()).plans
            for code, price in prices:
                offered = (
                    {(each.provider_id, each.unit_amount) for each in plans[code].prices} if code in plans else set()
                )
                if (price.provider_id, price.unit_amount) not in offered:
                    cost = f"{price.unit_amount} {price.currency} a {price.interval}"
                    news.append(f"{code}: sold at {price.provider_id}, {cost}")
                    if not is_dry:
                        await work.plans.put_price(self.new_id(), code, price)
            await work.commit()
        return news


async def keep(work: Work, change: PlanChange, now: datetime, actor: UUID | None, reason: str, cause_id: str) -> None:
    """Write a change of one plan, tell of it, and have everybody computed anew whom it concerns."""
    version = await work.plans.change(change, now, actor, reason)
    await work.outbox.add(entitlements_changed(change.plan.code, version, change.diff, actor, now))
    await work.accesses.request_recompute(change.plan.code, cause_id, actor, now)


def _codes(plans: Sequence[Plan]) -> set[str]:
    return {plan.code for plan in plans}


def _news(old: Plan | None, new: Plan) -> list[str]:
    if old is None:
        return [f"{new.code}: new, with {len(new.entitlements)} features"]
    names = ("name", "rank", "is_default", "is_active", "description")
    lines = [
        f"{new.code}: {name} is {getattr(new, name)!r}, was {getattr(old, name)!r}"
        for name in names
        if getattr(old, name) != getattr(new, name)
    ]
    changes = PlanChange.between(old, new).diff
    return lines + [f"{new.code}: {name} is {each['after']}, was {each['before']}" for name, each in changes.items()]
