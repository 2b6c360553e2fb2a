"""The rows of the schema `story`. Columns and constraints are those of the migrations; a test compares them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from common_events.tables import messaging_tables
from common_service.idempotency import idempotency_table
from story_service.infrastructure.analysing.tables import AnalysisRow
from story_service.infrastructure.cases import tables as case_tables
from story_service.infrastructure.character_tables import CharacterRow
from story_service.infrastructure.chat.tables import (
    ConversationRow,
    MemoryRow,
    MessageRow,
    ReactionRow,
    SeatRow,
    SummaryRow,
)
from story_service.infrastructure.desk import tables as desk_tables
from story_service.infrastructure.erasing.tables import ErasureRow
from story_service.infrastructure.library_tables import CounterRow, ViewRow
from story_service.infrastructure.model_tables import ModelRow, ProviderRow
from story_service.infrastructure.revisions.tables import RevisionRow
from story_service.infrastructure.schema import Row
from story_service.infrastructure.usage_tables import HeadRow, LedgerRow, LineRow, ReservationRow, WindowRow

_GENERATION_KINDS = (
    "'story','chat','continuation','analysis','image','narration','video','transcription','rewrite','summary'"
)
_CLOSED = "'succeeded','blocked','failed','cancelled','expired'"
_PUBLISHED = text("publish_state = 'published' AND deleted_at IS NULL")
_STORY_SEARCH = "setweight(to_tsvector('simple', title), 'A') || setweight(to_tsvector('simple', synopsis), 'B')"
_STAGES = "'input','output','publish','report','appeal','takedown'"


class GenerationRow(Row):
    """One call of a model."""

    __tablename__ = "generations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    payer_id: Mapped[UUID]
    kind: Mapped[str]
    target_type: Mapped[str]
    target_id: Mapped[UUID]
    model: Mapped[str]
    provider: Mapped[str]
    request: Mapped[dict[str, Any]]
    access_version: Mapped[int]
    state: Mapped[str]
    billing_state: Mapped[str]
    attempt: Mapped[int] = mapped_column(SmallInteger)
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    chain_id: Mapped[UUID | None]
    waits_for: Mapped[UUID | None]
    queued_at: Mapped[datetime | None]
    priority: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    fence: Mapped[int]
    quote: Mapped[dict[str, Any]]
    usage: Mapped[dict[str, Any] | None]
    usage_estimated: Mapped[bool]
    cost_micros: Mapped[int | None]
    error_code: Mapped[str | None]
    last_seq: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    first_token_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(f"kind IN ({_GENERATION_KINDS})", name="kind_known"),
        CheckConstraint(f"state IN ('accepted','running','finishing',{_CLOSED})", name="state_known"),
        CheckConstraint("billing_state IN ('reserved','settled','released')", name="billing_state_known"),
        CheckConstraint(f"(state IN ({_CLOSED})) = (finished_at IS NOT NULL)", name="closed_has_time"),
        CheckConstraint("finished_at IS NULL OR billing_state <> 'reserved'", name="closed_holds_no_money"),
        CheckConstraint("state <> 'succeeded' OR billing_state = 'settled'", name="succeeded_is_settled"),
        Index(
            "ix_generations_open",
            text("lease_until NULLS FIRST"),
            "created_at",
            postgresql_where=text("state IN ('accepted','running','finishing')"),
        ),
        Index("ix_generations_user_id_created_at", "user_id", text("created_at DESC")),
        Index(
            "ix_generations_failed",
            text("created_at DESC"),
            text("id DESC"),
            postgresql_where=text("state IN ('failed','expired')"),
        ),
        Index("ix_generations_chain", "chain_id", postgresql_where=text("chain_id IS NOT NULL")),
        Index("ix_generations_continued", "target_id", postgresql_where=text("kind IN ('continuation','rewrite')")),
        Index(
            "ix_generations_payer_open",
            "payer_id",
            postgresql_where=text("state IN ('accepted','running','finishing')"),
        ),
    )


class ChunkRow(Row):
    """One event of a generation, as it went over the wire."""

    __tablename__ = "generation_chunks"

    generation_id: Mapped[UUID] = mapped_column(
        ForeignKey("story.generations.id", ondelete="CASCADE"), primary_key=True
    )
    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str]
    data: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))

    __table_args__ = (
        CheckConstraint("seq > 0", name="seq_positive"),
        CheckConstraint("kind IN ('delta','meta','citation','notice','done','error')", name="kind_known"),
        Index("ix_generation_chunks_done", "generation_id", postgresql_where=text("kind = 'done'")),
    )


class StoryRow(Row):
    """A story."""

    __tablename__ = "stories"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID | None]
    title: Mapped[str] = mapped_column(server_default=text("''"))
    synopsis: Mapped[str] = mapped_column(server_default=text("''"))
    body: Mapped[str] = mapped_column(server_default=text("''"))
    truth_mode: Mapped[str]
    language: Mapped[str] = mapped_column(server_default=text("'en'"))
    origin: Mapped[str]
    parent_story_id: Mapped[UUID | None]
    parent_title: Mapped[str | None]
    is_latest: Mapped[bool] = mapped_column(server_default=text("false"))
    generation_id: Mapped[UUID | None] = mapped_column(ForeignKey("story.generations.id"))
    token_cost: Mapped[int] = mapped_column(server_default=text("0"))
    cost_micros: Mapped[int] = mapped_column(server_default=text("0"))
    state: Mapped[str]
    moderation_status: Mapped[str] = mapped_column(server_default=text("'pending'"))
    publish_state: Mapped[str] = mapped_column(server_default=text("'draft'"))
    published_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("story.cases.id", ondelete="SET NULL"))
    search: Mapped[Any] = mapped_column(TSVECTOR, Computed(_STORY_SEARCH, persisted=True), deferred=True, nullable=True)

    __table_args__ = (
        CheckConstraint("truth_mode IN ('fiction','inspired','documented')", name="truth_mode_known"),
        CheckConstraint("origin IN ('generated','house','cloned')", name="origin_known"),
        CheckConstraint("state IN ('generating','ready','failed')", name="state_known"),
        CheckConstraint(
            "moderation_status IN ('pending','approved','flagged','blocked')", name="moderation_status_known"
        ),
        CheckConstraint(
            "publish_state IN ('draft','in_review','published','unlisted','withdrawn')", name="publish_state_known"
        ),
        CheckConstraint(
            "publish_state NOT IN ('published','unlisted') OR (state = 'ready' AND moderation_status = 'approved')",
            name="published_is_approved",
        ),
        CheckConstraint("origin = 'house' OR user_id IS NOT NULL", name="has_reader"),
        CheckConstraint("(origin = 'cloned') = (parent_story_id IS NOT NULL)", name="clone_has_source"),
        Index(
            "uq_stories_one_latest",
            "user_id",
            unique=True,
            postgresql_where=text("is_latest AND deleted_at IS NULL"),
        ),
        Index(
            "ix_stories_user_id_created_at",
            "user_id",
            text("created_at DESC"),
            text("id DESC"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index("ix_stories_published", text("published_at DESC"), text("id DESC"), postgresql_where=_PUBLISHED),
        Index("ix_stories_published_title", text("lower(title)"), "id", postgresql_where=_PUBLISHED),
        Index("ix_stories_search", "search", postgresql_using="gin", postgresql_where=_PUBLISHED),
        Index(
            "ix_stories_house_review",
            "created_at",
            postgresql_where=text("origin = 'house' AND publish_state = 'in_review' AND deleted_at IS NULL"),
        ),
        Index("ix_stories_parent_story_id", "parent_story_id", postgresql_where=text("parent_story_id IS NOT NULL")),
        Index("ix_stories_case_id", "case_id", "id", postgresql_where=text("case_id IS NOT NULL")),
        Index("ix_stories_deleted_at", "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")),
    )


class DecisionRow(Row):
    """A moderation decision, for good."""

    __tablename__ = "moderation_decisions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subject_user_id: Mapped[UUID | None]
    target_type: Mapped[str]
    target_id: Mapped[UUID]
    stage: Mapped[str]
    provider: Mapped[str]
    policy_version: Mapped[str]
    verdict: Mapped[str]
    categories: Mapped[dict[str, Any]]
    reason_codes: Mapped[list[str]]
    statement: Mapped[str] = mapped_column(server_default=text("''"))
    content_sha256: Mapped[bytes]
    automated: Mapped[bool]
    decided_by: Mapped[UUID | None]
    supersedes: Mapped[UUID | None] = mapped_column(ForeignKey("story.moderation_decisions.id"))
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint(f"stage IN ({_STAGES})", name="stage_known"),
        CheckConstraint("verdict IN ('allow','flag','block','restore')", name="verdict_known"),
        CheckConstraint("automated <> (decided_by IS NOT NULL)", name="one_decider"),
        CheckConstraint("verdict <> 'block' OR cardinality(reason_codes) > 0", name="block_has_reason"),
        Index("ix_moderation_decisions_target", "target_type", "target_id", "created_at"),
        Index(
            "ix_moderation_decisions_subject",
            "subject_user_id",
            text("created_at DESC"),
            text("id DESC"),
            postgresql_where=text("verdict <> 'allow'"),
        ),
    )


__all__ = [
    "AnalysisRow",
    "CharacterRow",
    "ChunkRow",
    "ConversationRow",
    "CounterRow",
    "DecisionRow",
    "ErasureRow",
    "GenerationRow",
    "HeadRow",
    "LedgerRow",
    "LineRow",
    "MemoryRow",
    "MessageRow",
    "ModelRow",
    "ProviderRow",
    "ReactionRow",
    "ReservationRow",
    "RevisionRow",
    "Row",
    "SeatRow",
    "StoryRow",
    "SummaryRow",
    "ViewRow",
    "WindowRow",
    "case_tables",
    "desk_tables",
    "idempotency_keys",
    "messaging",
]  # importing this module makes the metadata whole

messaging = messaging_tables(Row.metadata)
idempotency_keys = idempotency_table(Row.metadata)
