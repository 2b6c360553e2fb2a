"""What a person may do now, as payment_service computed it (api.md 6.3)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class AccessSnapshot:
    """One version of a person's access; `features` is payment's own document, by feature name.

    `action` tells a person who is not entitled what to do; what payment sends in another form counts as none. `grants`
    are units on top of the plan, in the order in which they burn.
    """

    user_id: UUID
    version: int
    state: str
    entitled: bool
    plan_code: str
    period_start: datetime | None
    period_end: datetime | None
    features: dict[str, dict[str, Any]]
    reason: str | None
    next_change_at: datetime | None
    ttl_seconds: float
    action: dict[str, Any] | None = None
    grants: tuple[dict[str, Any], ...] = ()

    @classmethod
    def of(cls, document: dict[str, Any]) -> "AccessSnapshot":
        """Read the answer of `GET /internal/v1/access/{user_id}`. Whoever has no plan has the plan code "".

        Raises KeyError, TypeError, ValueError, OverflowError.
        """
        if not isinstance(document, dict) or not isinstance(document["features"], dict):
            raise TypeError("not an access snapshot")
        period, plan = document.get("period") or {}, document["plan"] or {"code": ""}
        if not isinstance(period, dict) or not all(isinstance(each, dict) for each in document["features"].values()):
            raise TypeError("not an access snapshot")
        action, grants = document.get("action"), document.get("grants") or []
        if not isinstance(grants, list) or not all(isinstance(each, dict) for each in grants):
            raise TypeError("not an access snapshot")
        return cls(
            user_id=UUID(document["user_id"]),
            version=int(document["version"]),
            state=document["state"],
            entitled=document["entitled"] is True,
            plan_code=plan["code"],
            period_start=_time(period.get("start")),
            period_end=_time(period.get("end")),
            features=document["features"],
            reason=document.get("reason"),
            next_change_at=_time(document.get("next_change_at")),
            ttl_seconds=float(document["ttl_seconds"]),
            action=action if isinstance(action, dict) else None,
            grants=tuple(grants),
        )

    def document(self) -> dict[str, Any]:
        """Return what `of` reads back to the same snapshot."""
        period = {"start": _text(self.period_start), "end": _text(self.period_end)}
        return {
            "user_id": str(self.user_id),
            "version": self.version,
            "state": self.state,
            "entitled": self.entitled,
            "plan": {"code": self.plan_code},
            "period": period,
            "features": self.features,
            "reason": self.reason,
            "action": self.action,
            **({"grants": list(self.grants)} if self.grants else {}),
            "next_change_at": _text(self.next_change_at),
            "ttl_seconds": self.ttl_seconds,
        }

    def allows(self, feature: str) -> bool:
        """Tell whether the flag `feature` is on. An unknown flag is off."""
        return self.features.get(feature, {}).get("value") is True


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("a time without a zone")
    return instant


def _text(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None
