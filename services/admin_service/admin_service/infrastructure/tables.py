"""The rows of the schema `admin`, and their translation to the domain."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from admin_service.domain.entry import UserEntry
from common_events.tables import messaging_tables
from common_service.tables import schema_metadata

_INSTANT = DateTime(timezone=True)


class Row(DeclarativeBase):
    """The base of every row here."""

    metadata = schema_metadata("admin")


MESSAGING = messaging_tables(Row.metadata)


class EntryRow(Row):
    """A person in the index."""

    __tablename__ = "user_index"
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    first_seen_at: Mapped[datetime] = mapped_column(_INSTANT)
    email: Mapped[str | None] = mapped_column(Text)
    display_name: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="active")
    registered_at: Mapped[datetime | None] = mapped_column(_INSTANT)
    user_version: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    plan_code: Mapped[str | None] = mapped_column(Text)
    access_state: Mapped[str | None] = mapped_column(Text)
    entitled: Mapped[bool | None]
    access_version: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    updated_at: Mapped[datetime] = mapped_column(_INSTANT, server_default=func.now(), onupdate=func.now())
    __table_args__ = (
        CheckConstraint("user_version >= 0 AND access_version >= 0", name="versions"),
        Index("ix_user_index_email", func.lower(email).label("email"), postgresql_ops={"email": "text_pattern_ops"}),
        Index(
            "ix_user_index_display_name",
            func.lower(display_name).label("name"),
            postgresql_ops={"name": "text_pattern_ops"},
        ),
        Index("ix_user_index_first_seen_at_user_id", "first_seen_at", "user_id"),
    )

    @staticmethod
    def values(entry: UserEntry) -> dict[str, Any]:
        """Return the columns of an entry."""
        return {
            "first_seen_at": entry.first_seen_at,
            "email": entry.email,
            "display_name": entry.display_name,
            "status": entry.status,
            "registered_at": entry.registered_at,
            "user_version": entry.user_version,
            "plan_code": entry.plan_code,
            "access_state": entry.access_state,
            "entitled": entry.is_entitled,
            "access_version": entry.access_version,
        }

    def to_domain(self) -> UserEntry:
        """Return the entry of this row."""
        return UserEntry(
            user_id=self.user_id,
            first_seen_at=self.first_seen_at,
            email=self.email,
            display_name=self.display_name,
            status=self.status,
            registered_at=self.registered_at,
            user_version=self.user_version,
            plan_code=self.plan_code,
            access_state=self.access_state,
            is_entitled=self.entitled,
            access_version=self.access_version,
        )


class ArchiveRow(Row):
    """A fact as it came."""

    __tablename__ = "event_archive"
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    subject: Mapped[UUID | None]
    occurred_at: Mapped[datetime] = mapped_column(_INSTANT)
    envelope: Mapped[dict[str, Any]] = mapped_column(JSONB)
    archived_at: Mapped[datetime] = mapped_column(_INSTANT, server_default=func.now())
    __table_args__ = (
        Index("ix_event_archive_subject_occurred_at", "subject", "occurred_at"),
        Index("ix_event_archive_type_occurred_at", "type", "occurred_at"),
    )


class HourRow(Row):
    """What a person used of a meter in one hour."""

    __tablename__ = "user_hourly_usage"
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    hour: Mapped[datetime] = mapped_column(_INSTANT, primary_key=True)
    meter: Mapped[str] = mapped_column(Text, primary_key=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    generations: Mapped[int]
