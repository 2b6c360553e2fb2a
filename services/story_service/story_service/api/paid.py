"""What every call that is paid for may be answered."""

from typing import Any

from common_service.idempotency import IdempotencyInProgress, IdempotencyKeyReused
from common_service.problems import RateLimited
from story_service.domain import errors

PAID = (
    errors.SubscriptionRequired,
    errors.PlanUpgradeRequired,
    errors.QuotaExceeded,
    errors.InputBlocked,
    errors.ModelUnavailable,
    errors.MaxPriceExceeded,
    errors.ModerationUnavailable,
    IdempotencyKeyReused,
    IdempotencyInProgress,
    RateLimited,
)
REPLAYED: dict[str, Any] = {"Idempotent-Replayed": {"schema": {"type": "string", "enum": ["true"]}}}


def replay(replayed: bool) -> dict[str, str]:
    """Say that an answer had been given before."""
    return {"Idempotent-Replayed": "true"} if replayed else {}
