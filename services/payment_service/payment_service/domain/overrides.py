"""What an admin, or a rule of ours, lays over a plan for a while: every override ends, says why, and can be revoked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from payment_service.domain.errors import (
    AlreadyRevoked,
    ExpiryInPast,
    ExpiryRequired,
    ExpiryTooFar,
    FeatureUnknown,
    OverrideUnfit,
)
from payment_service.domain.ids import UserId
from payment_service.domain.json_text import rfc3339
from payment_service.domain.plans import Catalogue, Kind

Effect = Literal["allow", "deny", "limit"]
OverrideSource = Literal["admin", "dispute", "anomaly", "moderation"]
EVERYTHING = "*"
LONGEST = timedelta(days=366)
SHORTEST_REASON = 5


@dataclass(frozen=True, slots=True)
class Override:
    """One override. `feature` is the name of one, or EVERYTHING; `limit` belongs to the effect of that name."""

    id: UUID
    user_id: UserId
    effect: Effect
    feature: str
    starts_at: datetime
    expires_at: datetime
    reason: str
    created_by: UUID
    created_at: datetime
    limit: int | None = None
    source: OverrideSource = "admin"
    revoked_at: datetime | None = None
    revoked_by: UUID | None = None
    revoke_reason: str | None = None

    def is_active(self, now: datetime) -> bool:
        """Tell whether it counts at `now`: from its start on, until just before its end."""
        return self.revoked_at is None and self.starts_at <= now < self.expires_at

    def next_edge(self, now: datetime) -> datetime | None:
        """Return when it begins or ends next by itself."""
        if self.revoked_at is not None or now >= self.expires_at:
            return None
        return self.starts_at if now < self.starts_at else self.expires_at

    def revoked(self, by: UUID, reason: str, now: datetime) -> "Override":
        """End it now. Raises AlreadyRevoked."""
        if self.revoked_at is not None:
            raise AlreadyRevoked
        return replace(self, revoked_at=now, revoked_by=by, revoke_reason=reason)

    def document(self) -> dict[str, Any]:
        """Return the override as an admin sees it."""
        return {
            "id": str(self.id),
            "user_id": str(self.user_id),
            "effect": self.effect,
            "feature": self.feature,
            "limit_value": self.limit,
            "starts_at": rfc3339(self.starts_at),
            "expires_at": rfc3339(self.expires_at),
            "reason": self.reason,
            "source": self.source,
            "created_by": str(self.created_by),
            "created_at": rfc3339(self.created_at),
            "revoked_at": rfc3339(self.revoked_at),
            "revoked_by": str(self.revoked_by) if self.revoked_by else None,
            "revoke_reason": self.revoke_reason,
        }

    def check(self, catalogue: Catalogue, now: datetime) -> None:
        """Raise ExpiryInPast, ExpiryTooFar, FeatureUnknown, OverrideUnfit for what would be nonsense."""
        check_expiry(self.starts_at, self.expires_at, now)
        if (self.effect == "limit") != (self.limit is not None):
            raise OverrideUnfit("A limit_value belongs to the effect `limit`, and to no other.")
        if self.feature == EVERYTHING:
            if self.effect == "limit":
                raise OverrideUnfit("One feature is limited at a time.")
            return
        kind = kind_of(catalogue, self.feature)
        if kind not in _FITTING[self.effect]:
            raise OverrideUnfit(f"The effect `{self.effect}` does not fit `{self.feature}`, which is a {kind}.")


_FITTING: Mapping[Effect, frozenset[Kind]] = {
    "allow": frozenset({"flag"}),
    "deny": frozenset({"flag", "limit"}),
    "limit": frozenset({"limit"}),
}


def kind_of(catalogue: Catalogue, feature: str) -> Kind:
    """Return what kind of feature this is. Raises FeatureUnknown."""
    named = (each for plan in catalogue.plans.values() for each in plan.entitlements if each.feature == feature)
    found = next(named, None)
    if found is None:
        raise FeatureUnknown
    return found.kind


def check_expiry(starts_at: datetime, expires_at: datetime | None, now: datetime) -> datetime:
    """Return the end of what is given for a while. Raises ExpiryRequired, ExpiryInPast, ExpiryTooFar."""
    if expires_at is None:
        raise ExpiryRequired
    if expires_at <= max(starts_at, now):
        raise ExpiryInPast
    if expires_at > now + LONGEST:
        raise ExpiryTooFar
    return expires_at


@dataclass(frozen=True, slots=True)
class Overlay:
    """The overrides that count at one instant, taken together. A deny wins over everything; among limits the youngest

    wins, so that a throttle holds against an older raise and an admin's raise against an older throttle.
    """

    denied: frozenset[str]
    allowed: frozenset[str]
    limits: Mapping[str, int]

    @classmethod
    def of(cls, overrides: Sequence[Override], now: datetime) -> "Overlay":
        """Take together what counts at `now`."""
        active = sorted(
            (each for each in overrides if each.is_active(now)), key=lambda each: (each.created_at, each.id)
        )
        return cls(
            denied=frozenset(each.feature for each in active if each.effect == "deny"),
            allowed=frozenset(each.feature for each in active if each.effect == "allow"),
            limits={each.feature: each.limit for each in active if each.limit is not None},
        )

    @property
    def denies_everything(self) -> bool:
        """Whether the person may do nothing at all."""
        return EVERYTHING in self.denied

    def on(self, features: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Return the features of a plan with the overrides laid over them."""
        return {name: self._on_one(name, document) for name, document in features.items()}

    def _on_one(self, name: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.denies_everything or name in self.denied:
            return _closed(document)
        if document["kind"] == "flag" and name in self.allowed:
            return {"kind": "flag", "value": True}
        if document["kind"] == "limit" and name in self.limits:
            return {"kind": "limit", "limit": self.limits[name], "window": document["window"]}
        return document


def _closed(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a feature as it stands for whoever may not use it; a configured value gives nobody anything."""
    match document["kind"]:
        case "flag":
            return {"kind": "flag", "value": False}
        case "limit":
            return {"kind": "limit", "limit": 0, "window": document["window"]}
        case _:
            return document
