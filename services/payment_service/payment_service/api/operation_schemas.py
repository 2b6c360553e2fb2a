"""The webhook inbox and runs of the reconciliation as they go over the wire."""

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from payment_service.application.sync_ports import KeptWebhook, Run, RunScope, WebhookState


class WebhookView(BaseModel):
    """A webhook without its content."""

    event_id: str
    type: str
    api_version: str | None
    livemode: bool
    object_id: str | None
    customer_id: str | None
    state: WebhookState
    reason: str | None
    last_error: str | None
    attempts: int
    deliveries: int
    received_at: datetime
    processed_at: datetime | None
    replayed_by: UUID | None

    @classmethod
    def of(cls, webhook: KeptWebhook) -> Self:
        """Show a webhook."""
        return cls.model_validate(webhook, from_attributes=True)


class ReplayRequest(BaseModel):
    """Which webhooks to take in anew."""

    model_config = ConfigDict(extra="forbid")
    state: Literal["dead", "failed", "ignored", "processed"]


class Replayed(BaseModel):
    """How many were taken in anew."""

    replayed: int


class ReconcileRequest(BaseModel):
    """Whom to compare; nobody named means everybody."""

    model_config = ConfigDict(extra="forbid")
    user_id: UUID | None = None


class DriftView(BaseModel):
    """One thing that differed. `who`: a user, or a customer that is nobody's."""

    who: str
    field: str
    ours: str | None
    theirs: str | None
    healed: bool


class RunView(BaseModel):
    """A run and its report, which names the first thousand differences; customers may heal after it is finished."""

    id: UUID
    scope: RunScope
    user_id: UUID | None
    started_at: datetime
    finished_at: datetime | None
    checked: int
    drifted: int
    healed: int
    details: list[DriftView]

    @classmethod
    def of(cls, run: Run) -> Self:
        """Show a run."""
        return cls.model_validate(run, from_attributes=True)
