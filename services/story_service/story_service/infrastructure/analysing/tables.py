"""The rows of analyses."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from story_service.infrastructure.schema import Row


class AnalysisRow(Row):
    """An answer about one text of a story; it goes with its story."""

    __tablename__ = "story_analyses"

    story_id: Mapped[UUID] = mapped_column(ForeignKey("story.stories.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    text_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    model: Mapped[str]
    result: Mapped[Any] = mapped_column(JSONB)
    generation_id: Mapped[UUID]
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("kind IN ('characters','emotions','summary','factcheck')", name="kind_known"),
        CheckConstraint("length(text_sha256) = 32", name="text_sha256_whole"),
    )
