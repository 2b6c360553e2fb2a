"""Units on top of a plan: a referral, a reward, goodwill. story_service counts them down."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from payment_service.domain.errors import AlreadyVoided, MeterUnknown
from payment_service.domain.ids import UserId
from payment_service.domain.json_text import rfc3339
from payment_service.domain.overrides import check_expiry
from payment_service.domain.plans import Catalogue

GrantSource = Literal["referral", "reward", "promo", "support", "purchase", "goodwill"]
USUAL_PRIORITY = 100


@dataclass(frozen=True, slots=True)
class Grant:
    """`amount` units of a meter. A lower `priority` burns first; `source_ref` names what it is for, which pays once."""

    id: UUID
    user_id: UserId
    meter: str
    amount: int
    effective_at: datetime
    expires_at: datetime
    source: GrantSource
    source_ref: str
    created_at: datetime
    created_by: UUID | None = None
    priority: int = USUAL_PRIORITY
    voided_at: datetime | None = None
    voided_by: UUID | None = None
    void_reason: str | None = None

    def is_active(self, now: datetime) -> bool:
        """Tell whether it counts at `now`."""
        return self.voided_at is None and self.effective_at <= now < self.expires_at

    def next_edge(self, now: datetime) -> datetime | None:
        """Return when it begins or ends next by itself."""
        if self.voided_at is not None or now >= self.expires_at:
            return None
        return self.effective_at if now < self.effective_at else self.expires_at

    def voided(self, by: UUID, reason: str, now: datetime) -> "Grant":
        """Take it back now. Raises AlreadyVoided."""
        if self.voided_at is not None:
            raise AlreadyVoided
        return replace(self, voided_at=now, voided_by=by, void_reason=reason)

    def check(self, catalogue: Catalogue, now: datetime) -> None:
        """Raise ExpiryInPast, ExpiryTooFar, MeterUnknown for what would be nonsense."""
        check_expiry(self.effective_at, self.expires_at, now)
        limits = {
            each.feature for plan in catalogue.plans.values() for each in plan.entitlements if each.kind == "limit"
        }
        if self.meter not in limits:
            raise MeterUnknown

    def document(self) -> dict[str, Any]:
        """Return the grant as it stands in an access snapshot."""
        return {
            "id": str(self.id),
            "meter": self.meter,
            "amount": self.amount,
            "priority": self.priority,
            "effective_at": rfc3339(self.effective_at),
            "expires_at": rfc3339(self.expires_at),
        }

    def record(self) -> dict[str, Any]:
        """Return the grant as an admin sees it."""
        return self.document() | {
            "user_id": str(self.user_id),
            "source": self.source,
            "source_ref": self.source_ref,
            "created_by": str(self.created_by) if self.created_by else None,
            "created_at": rfc3339(self.created_at),
            "voided_at": rfc3339(self.voided_at),
            "voided_by": str(self.voided_by) if self.voided_by else None,
            "void_reason": self.void_reason,
        }


def in_burn_order(grants: Sequence[Grant], now: datetime) -> tuple[dict[str, Any], ...]:
    """Return those that count at `now`, first those that are used up first."""
    active = [each for each in grants if each.is_active(now)]
    ordered = sorted(active, key=lambda each: (each.priority, each.expires_at, each.created_at, each.id))
    return tuple(each.document() for each in ordered)
