"""The rows of the moderation desk; decisions have theirs beside the stories."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from story_service.infrastructure.schema import Row

_STATES = "'open','in_review','upheld','overturned','dismissed','withdrawn'"
_OPEN = "state IN ('open','in_review')"


class ModerationCaseRow(Row):
    """A case on the desk."""

    __tablename__ = "moderation_cases"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    target_type: Mapped[str]
    target_id: Mapped[UUID]
    subject_user_id: Mapped[UUID | None]
    opened_by: Mapped[UUID | None]
    reporter_contact: Mapped[str | None]
    reason: Mapped[str | None]
    statement: Mapped[str]
    legal_basis: Mapped[str | None]
    appealed_decision: Mapped[UUID | None] = mapped_column(ForeignKey("story.moderation_decisions.id"))
    appealed_decider: Mapped[UUID | None]
    state: Mapped[str]
    assignee: Mapped[UUID | None]
    decision_id: Mapped[UUID | None] = mapped_column(ForeignKey("story.moderation_decisions.id"))
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer)

    __table_args__ = (
        CheckConstraint("kind IN ('flag','report','appeal','takedown')", name="kind_known"),
        CheckConstraint(f"state IN ({_STATES})", name="state_known"),
        CheckConstraint("(kind = 'appeal') = (appealed_decision IS NOT NULL)", name="appeal_names_decision"),
        CheckConstraint(f"({_OPEN}) = (resolved_at IS NULL)", name="resolved_has_time"),
        CheckConstraint("kind <> 'takedown' OR legal_basis IS NOT NULL", name="takedown_has_legal_basis"),
        CheckConstraint(
            "appealed_decider IS NULL OR assignee IS NULL OR assignee <> appealed_decider", name="another_reviewer"
        ),
        Index(
            "uq_moderation_cases_one_appeal",
            "appealed_decision",
            unique=True,
            postgresql_where=text("kind = 'appeal' AND state <> 'withdrawn'"),
        ),
        Index(
            "uq_moderation_cases_one_report",
            "opened_by",
            "target_type",
            "target_id",
            unique=True,
            postgresql_where=text(f"kind = 'report' AND {_OPEN}"),
        ),
        Index("ix_moderation_cases_open", "due_at", "id", postgresql_where=text(_OPEN)),
        Index("ix_moderation_cases_due_at", "due_at", "id"),
    )


class StrikeRow(Row):
    """A strike for a decision."""

    __tablename__ = "user_strikes"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    decision_id: Mapped[UUID] = mapped_column(ForeignKey("story.moderation_decisions.id"))
    expires_at: Mapped[datetime]
    voided_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("decision_id"),
        Index("ix_user_strikes_standing", "user_id", "expires_at", postgresql_where=text("voided_at IS NULL")),
    )
