"""Rows of the webhook inbox and of the queue that it feeds."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, Index, Integer, LargeBinary, case, func, text
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.application.sync_ports import WebhookState
from payment_service.domain.reversal import ReversalKind
from payment_service.infrastructure.base import Row
from payment_service.infrastructure.plan_rows import one_of

PENDING = "requests > answered AND NOT dead"


class WebhookRow(Row):
    """One event, stored once however often it was delivered.

    `provider_customer_id` names the sync that answers it: until the customer of a refund or a dispute is found, that
    is the object itself. `reason`: why it is ignored, or what is unusual about it.
    """

    __tablename__ = "webhook_inbox"
    __table_args__ = (
        CheckConstraint(one_of("state", WebhookState), name="state_known"),
        Index(
            "ix_webhook_inbox_unprocessed",
            "provider_customer_id",
            postgresql_where=text("state IN ('received','processing','failed','dead')"),
        ),
        Index("ix_webhook_inbox_object_id_provider_created_at", "object_id", "provider_created_at"),
        Index("ix_webhook_inbox_customer", "provider_customer_id", text("received_at DESC"), text("event_id DESC")),
        Index("ix_webhook_inbox_received_at_event_id", text("received_at DESC"), text("event_id DESC")),
    )
    provider: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    api_version: Mapped[str | None]
    livemode: Mapped[bool]
    object_id: Mapped[str | None]
    provider_customer_id: Mapped[str | None]
    provider_created_at: Mapped[datetime]
    payload: Mapped[dict[str, Any]]
    payload_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    deliveries: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    reason: Mapped[str | None]
    last_error: Mapped[str | None]
    received_at: Mapped[datetime]
    processed_at: Mapped[datetime | None]
    replayed_by: Mapped[UUID | None]


class SyncRow(Row):
    """A customer who was asked to be synced `requests` times, of which `answered` are covered by a finished run.

    With a `lookup` it stands for an object of that kind, whose customer is not known yet.
    """

    __tablename__ = "customer_syncs"
    __table_args__ = (
        CheckConstraint("answered <= requests", name="answered_was_asked"),
        CheckConstraint(one_of("lookup", ReversalKind), name="lookup_known"),
        Index("ix_customer_syncs_due_at", "due_at", postgresql_where=text(PENDING)),
    )
    provider: Mapped[str] = mapped_column(primary_key=True)
    provider_customer_id: Mapped[str] = mapped_column(primary_key=True)
    requests: Mapped[int] = mapped_column(server_default=text("1"))
    answered: Mapped[int] = mapped_column(server_default=text("0"))
    lookup: Mapped[str | None]
    cause_type: Mapped[str]
    cause_id: Mapped[str]
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    dead: Mapped[bool] = mapped_column(server_default=text("false"))
    fence: Mapped[int] = mapped_column(server_default=text("0"))
    lease_until: Mapped[datetime | None]
    last_error: Mapped[str | None]
    finished_at: Mapped[datetime | None]


UNANSWERED = (SyncRow.requests > SyncRow.answered) & ~SyncRow.dead


def due_again(now: datetime) -> ColumnElement[datetime]:
    """Return when a row is due that is asked for once more: whoever waits already keeps their place."""
    return case((UNANSWERED, func.least(SyncRow.due_at, now)), else_=now)
