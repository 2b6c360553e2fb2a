"""Rows of the access versions: the gate and the time machine in one."""

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.domain.access import Access, AccessState, AccessVersion, Cause, CauseType
from payment_service.domain.ids import UserId
from payment_service.infrastructure.base import Row
from payment_service.infrastructure.plan_rows import one_of

_STATES = ",".join(f"'{state.value}'" for state in AccessState)
CURRENT = "valid_to IS NULL"


class AccessRow(Row):
    """One version of a person's access."""

    __tablename__ = "access_versions"
    __table_args__ = (
        CheckConstraint(f"state IN ({_STATES})", name="state_known"),
        CheckConstraint(one_of("cause_type", CauseType), name="cause_known"),
        CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="validity_forward"),
        Index("uq_access_versions_one_current", "user_id", unique=True, postgresql_where=text(CURRENT)),
        Index(
            "ix_access_versions_next_change_at",
            "next_change_at",
            postgresql_where=text("valid_to IS NULL AND next_change_at IS NOT NULL"),
        ),
        Index("ix_access_versions_plan_code", "plan_code", postgresql_where=text(CURRENT)),
    )
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str]
    entitled: Mapped[bool]
    plan_code: Mapped[str] = mapped_column(ForeignKey("payment.plans.code"))
    plan_rank: Mapped[int] = mapped_column(SmallInteger)
    features: Mapped[dict[str, Any]]
    grants: Mapped[Any] = mapped_column(JSONB, server_default=text("'[]'"))
    period_start: Mapped[datetime | None]
    period_end: Mapped[datetime | None]
    reason: Mapped[str | None]
    next_change_at: Mapped[datetime | None]
    cause_type: Mapped[str]
    cause_id: Mapped[str]
    caused_by: Mapped[UUID | None]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]

    @staticmethod
    def values(version: AccessVersion) -> dict[str, Any]:
        """Return the columns of a version that is in force."""
        access = version.access
        return {
            "user_id": version.user_id,
            "version": version.version,
            "state": access.state.value,
            "entitled": access.is_entitled,
            "plan_code": access.plan_code,
            "plan_rank": version.plan_rank,
            "features": dict(access.features),
            "grants": [dict(grant) for grant in access.grants],
            "period_start": access.period_start,
            "period_end": access.period_end,
            "reason": access.reason,
            "next_change_at": access.next_change_at,
            "cause_type": version.cause.type,
            "cause_id": version.cause.id,
            "caused_by": version.cause.actor,
            "valid_from": version.valid_from,
        }

    def to_domain(self) -> AccessVersion:
        """Return the version."""
        access = Access(
            state=AccessState(self.state),
            is_entitled=self.entitled,
            plan_code=self.plan_code,
            features=self.features,
            period_start=self.period_start,
            period_end=self.period_end,
            reason=self.reason,
            next_change_at=self.next_change_at,
            grants=tuple(self.grants),
        )
        cause = Cause(cast("CauseType", self.cause_type), self.cause_id, self.caused_by)
        return AccessVersion(UserId(self.user_id), self.version, access, self.plan_rank, cause, self.valid_from)


class RecomputeRow(Row):
    """Somebody whose access has to be computed anew after a change of plans."""

    __tablename__ = "access_recomputes"
    __table_args__ = (Index("ix_access_recomputes_requested_at", "requested_at"),)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    cause_id: Mapped[str]
    caused_by: Mapped[UUID | None]
    requested_at: Mapped[datetime]
