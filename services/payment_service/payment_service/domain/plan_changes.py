"""Changes of what plans allow: read, held against what makes sense, and told apart from what was."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from payment_service.domain.errors import PlansUnfit
from payment_service.domain.plans import Catalogue, Entitlement, Plan


@dataclass(frozen=True, slots=True)
class PastEntitlement:
    """What a plan said about a feature once, and who changed it why."""

    entitlement: Entitlement
    valid_from: datetime
    valid_to: datetime | None
    changed_by: UUID | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class PlanChange:
    """How a plan differs from what it was. `opened` are the entitlements that begin, `closed` the features that end."""

    plan: Plan
    opened: tuple[Entitlement, ...]
    closed: tuple[str, ...]
    diff: Mapping[str, Mapping[str, Any]]

    @classmethod
    def between(cls, old: Plan | None, new: Plan) -> "PlanChange":
        """Hold a plan against what it was, None for one that is new."""
        before = {each.feature: each for each in old.entitlements} if old else {}
        after = {each.feature: each for each in new.entitlements}
        opened = tuple(each for each in new.entitlements if before.get(each.feature) != each)
        closed = tuple(name for name in before if before[name] != after.get(name))
        names = sorted({*closed, *(each.feature for each in opened)})
        diff = {name: {"before": _document(before.get(name)), "after": _document(after.get(name))} for name in names}
        return cls(new, opened, closed, diff)


def check_together(plans: Iterable[Plan]) -> None:
    """Raise PlansUnfit unless these plans, all that are sold, make sense beside each other."""
    sold = list(plans)
    if len([plan for plan in sold if plan.is_default]) != 1:
        raise PlansUnfit("Exactly one plan has to be the default.")
    for what in ("code", "rank"):
        values = [getattr(plan, what) for plan in sold]
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise PlansUnfit(f"Two plans have the {what} {twice[0]}.")
    lowest = min(sold, key=lambda plan: plan.rank)
    if not lowest.is_default:
        raise PlansUnfit(f"The default plan has to have the lowest rank, which {lowest.code} has.")
    for plan in sold:
        check_alike(sold[0], plan)


def check_alike(model: Plan, plan: Plan) -> None:
    """Raise PlansUnfit unless both plans speak of the same features, of the same kinds, over the same windows."""
    expected, found = _shapes(model), _shapes(plan)
    for feature in sorted(expected.keys() | found.keys()):
        if feature not in found:
            raise PlansUnfit(f"The plan {plan.code} does not say what it allows of {feature}.")
        if feature not in expected:
            raise PlansUnfit(f"The plan {model.code} does not say what it allows of {feature}.")
        if expected[feature] != found[feature]:
            raise PlansUnfit(f"The feature {feature} is of another kind in {plan.code} than in {model.code}.")


def concerned(before: Catalogue, wanted: Sequence[Plan]) -> Iterator[tuple[str, str]]:
    """Return of which plans the people are computed anew because plans change their places, and what that is called.

    Whoever pays for none has the default, whom an admin allows everything the least that is sold, and all see the rank.
    """
    for plan in wanted:
        old = before.plans.get(plan.code)
        if old is not None and old.rank != plan.rank:
            yield plan.code, f"rank:{plan.code}:{plan.rank}"
    if not before.plans:
        return
    after = Catalogue({plan.code: plan for plan in wanted}, {})
    if before.least_sold.code != after.least_sold.code:
        yield before.least_sold.code, f"least:{after.least_sold.code}"
    if before.default.code != after.default.code:
        yield before.default.code, f"default:{after.default.code}"


def _shapes(plan: Plan) -> dict[str, tuple[str, str | None]]:
    return {each.feature: (each.kind, each.window) for each in plan.entitlements}


def _document(entitlement: Entitlement | None) -> dict[str, Any] | None:
    return entitlement.document() if entitlement else None
