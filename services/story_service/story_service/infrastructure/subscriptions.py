"""payment_service's access snapshot in this service's words."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from common_auth.access import AccessSnapshot
from common_auth.gate import AccessGate
from story_service.domain.access import LEAST_CONTEXT, Access, Limit
from story_service.domain.grants import Grant
from story_service.domain.ids import GrantId, UserId

_HIGHEST_PRIORITY = 100


class GateSubscriptions:
    """Asks the gate, which remembers."""

    def __init__(self, gate: AccessGate, plans_on_offer: tuple[str, ...]) -> None:
        self._gate, self._plans = gate, plans_on_offer

    async def access(self, user_id: UserId) -> Access:
        """Raise AccessUnavailable, which the edge knows, when payment cannot be asked."""
        return access_of(await self._gate.access(user_id), self._plans)


def access_of(snapshot: AccessSnapshot, plans_on_offer: tuple[str, ...] = ()) -> Access:
    """Translate a snapshot; a feature of an unknown kind is no right, nor is a grant that cannot be read."""
    features = snapshot.features
    period = None
    if snapshot.period_start and snapshot.period_end:
        period = (snapshot.period_start, snapshot.period_end)
    return Access(
        version=snapshot.version,
        entitled=snapshot.entitled,
        plan=snapshot.plan_code,
        state=snapshot.state,
        flags=frozenset(name for name in features if snapshot.allows(name)),
        limits={name: _limit(feature) for name, feature in features.items() if feature.get("kind") == "limit"},
        tier=str(features.get("models.tier", {}).get("value", "standard")),
        period=period,
        context_tokens=_tokens(features.get("context.tokens", {})),
        plans_on_offer=plans_on_offer,
        priority=_priority(features.get("priority", {}).get("value")),
        grants=tuple(grant for grant in map(_grant, snapshot.grants) if grant),
    )


def _tokens(feature: Mapping[str, Any]) -> int:
    value = feature.get("value")
    return value if isinstance(value, int) and value > 0 else LEAST_CONTEXT


def _priority(value: object) -> int:
    return max(0, min(value, _HIGHEST_PRIORITY)) if isinstance(value, int) else 0


def _grant(document: Mapping[str, Any]) -> Grant | None:
    try:
        return Grant(
            GrantId(UUID(document["id"])),
            str(document["meter"]),
            int(document["amount"]),
            int(document["priority"]),
            datetime.fromisoformat(document["effective_at"]),
            datetime.fromisoformat(document["expires_at"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _limit(feature: Mapping[str, Any]) -> Limit:
    amount = None if feature.get("unlimited") is True else int(feature.get("limit") or 0)
    return Limit(amount, str(feature.get("window") or "total"))
