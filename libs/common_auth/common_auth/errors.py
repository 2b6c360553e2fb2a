"""Why a caller is turned away, and the faces of it. No word of a library's own error text leaves the house."""

from collections.abc import Mapping
from typing import Any

from common_service.problems import Problem


class Unauthenticated(Exception):
    """No token, or one that proves nothing."""


class TokenInvalid(Unauthenticated):
    """A token that does not hold; the reason stays in the log."""


class TokenExpired(Unauthenticated):
    """A token that held once."""


class Forbidden(Exception):
    """A known caller who may not do this; `needs` is the permission or the scope that would be enough."""

    def __init__(self, needs: str | None = None) -> None:
        super().__init__(needs or "")
        self.needs = needs


class SubscriptionRequired(Exception):
    """No subscription is in force; `action` says where one begins, or how it is set right."""

    def __init__(self, action: Mapping[str, Any]) -> None:
        super().__init__("no subscription in force")
        self.action = dict(action)


class PlanUpgradeRequired(SubscriptionRequired):
    """A subscription is in force, and only a larger plan includes the feature."""


class AccessUnavailable(Exception):
    """What this person may do cannot be learned right now."""


class KeysUnavailable(Exception):
    """The issuer's keys cannot be fetched, and none are held."""


class ServiceTokenUnavailable(Exception):
    """The issuer gives this service no token right now."""


NOT_SIGNED_IN = (Unauthenticated, TokenInvalid, TokenExpired, KeysUnavailable)
"""How a route behind a token may refuse; one that asks for a permission or a scope may add Forbidden."""
NOT_PERMITTED = (*NOT_SIGNED_IN, Forbidden)
NOT_ENTITLED = (*NOT_SIGNED_IN, SubscriptionRequired, PlanUpgradeRequired, AccessUnavailable)
"""How a route behind `require_access` may refuse."""

_INVALID = 'Bearer error="invalid_token"'
AUTH_PROBLEMS = {
    Unauthenticated: Problem(401, "unauthenticated", challenge="Bearer", detail="Sign in first."),
    TokenInvalid: Problem(401, "token_invalid", challenge=_INVALID, detail="The token does not hold."),
    TokenExpired: Problem(401, "token_expired", challenge=_INVALID, detail="The token has expired."),
    Forbidden: Problem(
        403, "forbidden", ("needs",), challenge='Bearer error="insufficient_scope"', detail="You may not do this."
    ),
    SubscriptionRequired: Problem(
        402, "subscription_required", ("action",), detail="A subscription is needed for this."
    ),
    PlanUpgradeRequired: Problem(402, "plan_upgrade_required", ("action",), detail="Your plan does not include this."),
    AccessUnavailable: Problem(
        503, "subscription_check_unavailable", retry_after=2, detail="Your subscription cannot be checked right now."
    ),
    KeysUnavailable: Problem(503, "unavailable", retry_after=2, detail="Tokens cannot be checked right now."),
    ServiceTokenUnavailable: Problem(503, "unavailable", retry_after=2, detail="A service does not answer."),
}
