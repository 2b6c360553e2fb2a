"""The rows of characters."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, Index, Integer, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from story_service.infrastructure.schema import Row

_KINDS = "'detective','journalist','profiler','lawyer','narrator','suspect','witness','custom'"
_SEARCH = "to_tsvector('simple', name || ' ' || role || ' ' || personality)"


class CharacterRow(Row):
    """A character; those of the house have no owner."""

    __tablename__ = "characters"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID | None]
    name: Mapped[str]
    kind: Mapped[str]
    role: Mapped[str]
    personality: Mapped[str]
    speaking_style: Mapped[str] = mapped_column(server_default=text("''"))
    greeting: Mapped[str] = mapped_column(server_default=text("''"))
    boundaries: Mapped[str] = mapped_column(server_default=text("''"))
    visibility: Mapped[str] = mapped_column(server_default=text("'private'"))
    moderation_status: Mapped[str] = mapped_column(server_default=text("'pending'"))
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    search: Mapped[Any] = mapped_column(TSVECTOR, Computed(_SEARCH, persisted=True), deferred=True, nullable=True)

    __table_args__ = (
        CheckConstraint(f"kind IN ({_KINDS})", name="kind_known"),
        CheckConstraint("visibility IN ('private','unlisted','public','house')", name="visibility_known"),
        CheckConstraint(
            "moderation_status IN ('pending','approved','flagged','blocked')", name="moderation_status_known"
        ),
        CheckConstraint("(visibility = 'house') = (owner_id IS NULL)", name="house_has_no_owner"),
        CheckConstraint(
            "visibility IN ('private','house') OR moderation_status <> 'blocked'", name="shown_is_not_blocked"
        ),
        Index(
            "ix_characters_owner",
            "owner_id",
            text("created_at DESC"),
            text("id DESC"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index(
            "ix_characters_shown",
            "visibility",
            text("created_at DESC"),
            text("id DESC"),
            postgresql_where=text("moderation_status = 'approved' AND deleted_at IS NULL"),
        ),
        Index("ix_characters_search", "search", postgresql_using="gin"),
    )
