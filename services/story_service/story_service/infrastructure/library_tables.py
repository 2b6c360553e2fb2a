"""Rows around the library: who viewed what on which day, and the sums."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from story_service.infrastructure.schema import Row


class ViewRow(Row):
    """A reader's view of a story on one UTC day; kept for two days."""

    __tablename__ = "story_views"

    story_id: Mapped[UUID] = mapped_column(ForeignKey("story.stories.id", ondelete="CASCADE"), primary_key=True)
    viewer_id: Mapped[UUID] = mapped_column(primary_key=True)
    viewed_on: Mapped[date] = mapped_column(Date, primary_key=True)

    __table_args__ = (Index("ix_story_views_viewed_on", "viewed_on"),)


class CounterRow(Row):
    """What was counted of something."""

    __tablename__ = "counters"

    target_type: Mapped[str] = mapped_column(primary_key=True)
    target_id: Mapped[UUID] = mapped_column(primary_key=True)
    views: Mapped[int] = mapped_column(server_default=text("0"))
    refreshed_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("views >= 0", name="views_not_negative"),
        Index(
            "ix_counters_story_views",
            text("views DESC"),
            text("target_id DESC"),
            postgresql_where=text("target_type = 'story'"),
        ),
    )
