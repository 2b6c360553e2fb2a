"""Rows of what lies over plans: overrides and grants. Neither is ever deleted."""

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, SmallInteger, UniqueConstraint, inspect, text
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.domain.grants import Grant, GrantSource
from payment_service.domain.ids import UserId
from payment_service.domain.overrides import Effect, Override, OverrideSource
from payment_service.infrastructure.base import Row
from payment_service.infrastructure.plan_rows import one_of


class OverrideRow(Row):
    """What an admin or a rule laid over a person's plan."""

    __tablename__ = "entitlement_overrides"
    __table_args__ = (
        CheckConstraint(one_of("effect", Effect), name="effect_known"),
        CheckConstraint(one_of("source", OverrideSource), name="source_known"),
        CheckConstraint("limit_value >= 0", name="limit_positive"),
        CheckConstraint("length(reason) >= 5", name="reason_given"),
        CheckConstraint("expires_at > starts_at", name="validity_forward"),
        CheckConstraint("(effect = 'limit') = (limit_value IS NOT NULL)", name="limit_has_value"),
        CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked_by_somebody"),
        Index("ix_entitlement_overrides_user_id_expires_at", "user_id", "expires_at"),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    effect: Mapped[str]
    feature: Mapped[str] = mapped_column(server_default=text("'*'"))
    limit_value: Mapped[int | None]
    starts_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    reason: Mapped[str]
    source: Mapped[str] = mapped_column(server_default=text("'admin'"))
    created_by: Mapped[UUID]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[UUID | None]
    revoke_reason: Mapped[str | None]

    @staticmethod
    def values(override: Override) -> dict[str, Any]:
        """Return the columns of an override."""
        own = {name: getattr(override, name) for name in _columns(OverrideRow) if name != "limit_value"}
        return own | {"limit_value": override.limit}

    def to_domain(self) -> Override:
        """Return the override."""
        return Override(
            id=self.id,
            user_id=UserId(self.user_id),
            effect=cast("Effect", self.effect),
            feature=self.feature,
            starts_at=self.starts_at,
            expires_at=self.expires_at,
            reason=self.reason,
            created_by=self.created_by,
            created_at=self.created_at,
            limit=self.limit_value,
            source=cast("OverrideSource", self.source),
            revoked_at=self.revoked_at,
            revoked_by=self.revoked_by,
            revoke_reason=self.revoke_reason,
        )


class GrantRow(Row):
    """Units that a person has on top of the plan."""

    __tablename__ = "entitlement_grants"
    __table_args__ = (
        UniqueConstraint("source", "source_ref"),
        CheckConstraint(one_of("source", GrantSource), name="source_known"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("expires_at > effective_at", name="validity_forward"),
        Index("ix_entitlement_grants_user_id_expires_at", "user_id", "expires_at"),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    meter: Mapped[str]
    amount: Mapped[int]
    priority: Mapped[int] = mapped_column(SmallInteger, server_default=text("100"))
    effective_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    source: Mapped[str]
    source_ref: Mapped[str]
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]
    voided_at: Mapped[datetime | None]
    voided_by: Mapped[UUID | None]
    void_reason: Mapped[str | None]

    @staticmethod
    def values(grant: Grant) -> dict[str, Any]:
        """Return the columns of a grant."""
        return {name: getattr(grant, name) for name in _columns(GrantRow)}

    def to_domain(self) -> Grant:
        """Return the grant."""
        own = {name: getattr(self, name) for name in _columns(GrantRow)}
        return Grant(**own)


def _columns(row: type[Row]) -> list[str]:
    return [column.key for column in inspect(row).column_attrs]
