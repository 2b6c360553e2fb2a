"""The rows of revisions."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Integer
from sqlalchemy.orm import Mapped, mapped_column

from story_service.infrastructure.schema import Row


class RevisionRow(Row):
    """A text of a story that was changed; it goes with its story."""

    __tablename__ = "story_revisions"

    story_id: Mapped[UUID] = mapped_column(ForeignKey("story.stories.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    title: Mapped[str]
    body: Mapped[str]
    generation_id: Mapped[UUID | None]
    author_id: Mapped[UUID | None]
    created_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("version > 0", name="version_positive"),)
