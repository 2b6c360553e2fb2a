"""What goes over the wire about overrides, grants and the history of access."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from common_service.instants import Instant
from payment_service.api.schemas import AccessView, Body
from payment_service.application.access_ports import PastVersion
from payment_service.domain.grants import USUAL_PRIORITY, GrantSource
from payment_service.domain.overrides import EVERYTHING, SHORTEST_REASON, Effect, OverrideSource

_MOST = 2**53 - 1
Reason = Annotated[
    str,
    StringConstraints(strict=True, min_length=SHORTEST_REASON, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$"),
]
Feature = Annotated[str, StringConstraints(strict=True, max_length=64, pattern=r"^(\*|[a-z]+(\.[a-z]+)*)$")]
Meter = Annotated[str, StringConstraints(strict=True, max_length=64, pattern=r"^[a-z]+(\.[a-z]+)+$")]


class OverrideBody(Body):
    """What to lay over somebody's plan. Who does it stands in `X-Actor-Token`."""

    effect: Effect
    feature: Feature = Field(default=EVERYTHING, description="A feature, or `*` for everything.")
    limit_value: Annotated[int, Field(strict=True, ge=0, le=_MOST)] | None = Field(
        default=None, description="For the effect `limit` alone."
    )
    starts_at: Instant | None = Field(default=None, description="From now on, if not said otherwise.")
    expires_at: Instant | None = Field(default=None, description="Mandatory: at most 366 days away.")
    reason: Reason


class OverrideView(BaseModel):
    """One override, who made it and why."""

    id: UUID
    user_id: UUID
    effect: Effect
    feature: str
    limit_value: int | None
    starts_at: datetime
    expires_at: datetime
    reason: str
    source: OverrideSource
    created_by: UUID
    created_at: datetime
    revoked_at: datetime | None
    revoked_by: UUID | None
    revoke_reason: str | None


class GrantBody(Body):
    """Units to give on top of somebody's plan. Who does it stands in `X-Actor-Token`."""

    meter: Meter
    amount: Annotated[int, Field(strict=True, ge=1, le=_MOST)]
    priority: Annotated[int, Field(strict=True, ge=0, le=1000)] = Field(
        default=USUAL_PRIORITY, description="A lower one burns first."
    )
    effective_at: Instant | None = Field(default=None, description="From now on, if not said otherwise.")
    expires_at: Instant | None = Field(default=None, description="Mandatory: at most 366 days away.")
    source: GrantSource = "support"
    source_ref: Annotated[str, StringConstraints(strict=True, pattern=r"^[\x21-\x7e]{1,128}$")] | None = Field(
        default=None, description="What it is for, as a ticket's number: it pays once."
    )


class GrantView(BaseModel):
    """One grant, who gave it and what for."""

    id: UUID
    user_id: UUID
    meter: str
    amount: int
    priority: int
    effective_at: datetime
    expires_at: datetime
    source: GrantSource
    source_ref: str
    created_by: UUID | None
    created_at: datetime
    voided_at: datetime | None
    voided_by: UUID | None
    void_reason: str | None


class CauseView(BaseModel):
    """What made access be computed anew: the id of Stripe's event, of the override or grant, the timer's instant."""

    type: Literal["signup", "webhook", "reconcile", "override", "grant", "plan_change", "timer", "erasure", "manual"]
    id: str
    actor: UUID | None = Field(description="The admin, where there was one.")


class PastAccessView(AccessView):
    """An access snapshot with the time during which it was in force."""

    valid_from: datetime
    valid_to: datetime | None = Field(description="When the next version began; null for the one in force.")
    cause: CauseView

    @classmethod
    def of(cls, past: PastVersion, ttl_seconds: int) -> "PastAccessView":
        """Return what may be shown."""
        version = past.version
        cause = {"type": version.cause.type, "id": version.cause.id, "actor": version.cause.actor}
        own: dict[str, Any] = {"valid_from": version.valid_from, "valid_to": past.valid_to, "cause": cause}
        return cls.model_validate(version.document(ttl_seconds) | own)


class BatchBody(Body):
    """Whose access to read."""

    user_ids: list[UUID] = Field(min_length=1, max_length=100)


class BatchView(BaseModel):
    """The snapshots, in the order of the question."""

    items: list[AccessView]
