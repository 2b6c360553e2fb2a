"""Rows of refunds and disputes, of customers that are no more, and of runs of the reconciliation."""

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CHAR, CheckConstraint, Index, Integer, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.application.sync_ports import Run, RunScope
from payment_service.domain.ids import UserId
from payment_service.domain.reversal import Reversal, ReversalKind, ReversalReading
from payment_service.infrastructure.base import Row
from payment_service.infrastructure.plan_rows import one_of


class ReversalRow(Row):
    """A refund or a dispute as read at `provider_object_at`."""

    __tablename__ = "reversals"
    __table_args__ = (
        UniqueConstraint("provider_reversal_id"),
        CheckConstraint(one_of("kind", ReversalKind), name="kind_known"),
        CheckConstraint("amount >= 0", name="amount_positive"),
        Index("ix_reversals_user_id", "user_id"),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    kind: Mapped[str]
    provider_reversal_id: Mapped[str]
    provider_charge_id: Mapped[str]
    provider_invoice_id: Mapped[str | None]
    status: Mapped[str]
    amount: Mapped[int]
    charged: Mapped[int]
    currency: Mapped[str] = mapped_column(CHAR(3))
    reason: Mapped[str | None]
    provider_object_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime]

    @staticmethod
    def values(reversal: Reversal) -> dict[str, Any]:
        """Return the columns of a refund or a dispute."""
        reading = reversal.reading
        return {
            "id": reversal.id,
            "user_id": reversal.user_id,
            "kind": reading.kind,
            "provider_reversal_id": reading.provider_id,
            "provider_charge_id": reading.charge_id,
            "provider_invoice_id": reading.invoice_id,
            "status": reading.status,
            "amount": reading.amount,
            "charged": reading.charged,
            "currency": reading.currency,
            "reason": reading.reason,
            "provider_object_at": reversal.read_at,
            "version": reversal.version,
            "created_at": reading.created_at,
        }

    def to_domain(self) -> Reversal:
        """Return the refund or the dispute."""
        reading = ReversalReading(
            provider_id=self.provider_reversal_id,
            kind=cast("ReversalKind", self.kind),
            charge_id=self.provider_charge_id,
            status=self.status,
            amount=self.amount,
            charged=self.charged,
            currency=self.currency,
            created_at=self.created_at,
            invoice_id=self.provider_invoice_id,
            reason=self.reason,
        )
        return Reversal(self.id, UserId(self.user_id), reading, self.provider_object_at, self.version)


class FormerCustomerRow(Row):
    """A customer that the provider deleted and that another has followed."""

    __tablename__ = "former_customers"
    provider: Mapped[str] = mapped_column(primary_key=True)
    provider_customer_id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    deleted_at: Mapped[datetime]


class RunRow(Row):
    """A comparison with the provider: asked for, claimed by lease and fence, finished; `details` is the report."""

    __tablename__ = "reconcile_runs"
    __table_args__ = (
        CheckConstraint(one_of("scope", RunScope), name="scope_known"),
        CheckConstraint("(scope = 'user') = (user_id IS NOT NULL)", name="user_scope_names_one"),
        Index("ix_reconcile_runs_scope_started_at", "scope", "started_at"),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    scope: Mapped[str]
    user_id: Mapped[UUID | None]
    requested_by: Mapped[UUID | None]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(server_default=text("0"))
    checked: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    drifted: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    healed: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    details: Mapped[list[dict[str, object]]] = mapped_column(JSONB, server_default=text("'[]'"))

    def to_domain(self) -> Run:
        """Return the run."""
        return Run(
            id=self.id,
            scope=cast("RunScope", self.scope),
            started_at=self.started_at,
            user_id=UserId(self.user_id) if self.user_id else None,
            requested_by=self.requested_by,
            finished_at=self.finished_at,
            fence=self.fence,
            checked=self.checked,
            drifted=self.drifted,
            healed=self.healed,
            details=tuple(self.details),
        )
