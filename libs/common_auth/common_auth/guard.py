"""Routes that a plan opens: `Depends(guard.require_access("story.generate"))` (api.md, auth class `ent`)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol
from uuid import UUID

from fastapi import Request

from common_auth.access import AccessSnapshot
from common_auth.callers import Callers
from common_auth.errors import PlanUpgradeRequired, SubscriptionRequired


class Gate(Protocol):
    """Where snapshots come from; `AccessGate` is one."""

    async def access(self, user_id: UUID) -> AccessSnapshot:
        """Return what `user_id` may do now. Raises AccessUnavailable."""
        ...


class AccessGuard:
    """Lets a signed-in reader through whose plan includes a feature now.

    `checkout` is the action of a 402, `{"type": "checkout", "href": ..., "plans": [...]}`: where a subscription begins
    is the service's to say.
    """

    def __init__(self, gate: Gate, callers: Callers, checkout: Mapping[str, Any]) -> None:
        self._gate, self._callers, self._checkout = gate, callers, dict(checkout)

    def require_access(self, feature: str) -> Callable[[Request], Awaitable[AccessSnapshot]]:
        """Return the dependency that gives the route the reader's snapshot, asked of the gate and of no token's claim.

        The flag alone decides, for the default plan may include something too (api.md 6.3). Raises Unauthenticated
        (401); without the flag PlanUpgradeRequired (402) under a subscription in force, else SubscriptionRequired
        (402); AccessUnavailable (503) when nobody can tell: never 402 then.
        """

        async def require_access(request: Request) -> AccessSnapshot:
            person = await self._callers.reader(request)
            snapshot = await self._gate.access(person.user_id)
            if snapshot.allows(feature):  # the default plan may include it too
                return snapshot
            if snapshot.entitled:
                raise PlanUpgradeRequired(self._checkout)
            raise SubscriptionRequired(self._way_out(snapshot))

        return require_access

    def _way_out(self, snapshot: AccessSnapshot) -> Mapping[str, Any]:
        """Return payment's own action, as for a card that failed; to the checkout it is ours, which names the plans."""
        action = snapshot.action
        return action if action and action.get("type") != self._checkout.get("type") else self._checkout
