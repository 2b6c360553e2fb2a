"""Facts about grants, plans and dunning that other services hear (events-and-states.md 8)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from payment_service.domain.events import Fact
from payment_service.domain.grants import Grant
from payment_service.domain.ids import UserId
from payment_service.domain.json_text import rfc3339


def grant_fact(what: Literal["granted", "voided"], grant: Grant, now: datetime) -> Fact:
    """Tell that units were given, or taken back."""
    document = grant.document()
    data = {"grant_id": document.pop("id"), **document, "source": grant.source}
    version = 1 if what == "granted" else 2
    return Fact(f"entitlement.{what}", grant.user_id, str(grant.user_id), version, data, now)


def entitlements_changed(
    plan_code: str, version: int, diff: Mapping[str, Mapping[str, Any]], changed_by: UUID | None, now: datetime
) -> Fact:
    """Tell what a plan allows differently from now on: by feature, before and after."""
    data = {
        "plan": plan_code,
        "version": version,
        "diff": {feature: dict(change) for feature, change in diff.items()},
        "changed_by": str(changed_by) if changed_by else None,
    }
    return Fact("plan.entitlements_changed", None, f"plan:{plan_code}", version, data, now)


def dunning_notice(
    user_id: UserId, subscription_id: str, plan_code: str, day: int, grace_until: datetime, now: datetime
) -> Fact:
    """Tell that it is time to remind somebody of a payment that failed `day` days ago."""
    data = {
        "subscription_id": subscription_id,
        "plan": plan_code,
        "day": day,
        "grace_until": rfc3339(grace_until),
    }
    return Fact("dunning.notice_due", user_id, str(user_id), day + 1, data, now)
