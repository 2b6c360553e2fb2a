"""What a person may do now, as payment_service computed it (api.md 6.3)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class AccessSnapshot:
    """One version of a person's access; `features` is payment's own document, by feature name."""

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

    @classmethod
    def of(cls, document: dict[str, Any]) -> "AccessSnapshot":
        """Read the answer of `GET /internal/v1/access/{user_id}`. Raises KeyError, TypeError, ValueError.

        Whoever has no plan has the plan code "".
        """
        if not isinstance(document, dict) or not isinstance(document["features"], dict):
            raise TypeError("not an access snapshot")
        period, plan = document.get("period") or {}, document["plan"] or {"code": ""}
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
        )

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
