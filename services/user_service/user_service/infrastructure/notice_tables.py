"""The rows of what people are told, and their translation to the domain."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from user_service.domain.message import Message
from user_service.domain.notification import NoticeKind, Notification
from user_service.domain.profile import UserId
from user_service.infrastructure.tables import INSTANT, Row


def _owner() -> ForeignKey:
    return ForeignKey("users.users.id", ondelete="CASCADE")


class NotificationRow(Row):
    """Something that somebody was told in their list."""

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint("user_id", "dedupe_key"),
        Index("ix_notifications_user_id_created_at", "user_id", text("created_at DESC"), text("id DESC")),
        Index("ix_notifications_created_at", "created_at", postgresql_using="brin"),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(_owner())
    kind: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    dedupe_key: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(INSTANT)
    read_at: Mapped[datetime | None] = mapped_column(INSTANT)

    @staticmethod
    def values(notification: Notification) -> dict[str, Any]:
        """Return the columns of a notification."""
        return {
            "id": notification.id,
            "user_id": notification.user_id,
            "kind": notification.kind.value,
            "title": notification.title,
            "body": notification.body,
            "data": dict(notification.data),
            "dedupe_key": notification.dedupe_key,
            "created_at": notification.created_at,
            "read_at": notification.read_at,
        }

    def to_domain(self) -> Notification:
        """Return the notification of this row."""
        return Notification(
            id=self.id,
            user_id=UserId(self.user_id),
            kind=NoticeKind(self.kind),
            dedupe_key=self.dedupe_key,
            title=self.title,
            body=self.body,
            data=self.data,
            created_at=self.created_at,
            read_at=self.read_at,
        )


class ChoiceRow(Row):
    """Whether somebody wants a kind of notice on a channel."""

    __tablename__ = "notification_prefs"
    __table_args__ = (CheckConstraint("channel IN ('in_app','email')", name="channel_known"),)
    user_id: Mapped[UUID] = mapped_column(_owner(), primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    channel: Mapped[str] = mapped_column(Text, primary_key=True)
    enabled: Mapped[bool]


class MessageRow(Row):
    """An e-mail: waiting, under way until `next_attempt_at`, or settled."""

    __tablename__ = "outbound_messages"
    __table_args__ = (
        UniqueConstraint("user_id", "dedupe_key"),
        CheckConstraint("state IN ('queued','sending','sent','failed','suppressed')", name="state_known"),
        CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent_has_a_moment"),
        Index(
            "ix_outbound_messages_waiting",
            "next_attempt_at",
            postgresql_where=text("state IN ('queued','sending')"),
        ),
        Index("ix_outbound_messages_created_at", "created_at", postgresql_using="brin"),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(_owner())
    kind: Mapped[str] = mapped_column(Text)
    about: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    dedupe_key: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="queued")
    attempts: Mapped[int] = mapped_column(server_default="0")
    next_attempt_at: Mapped[datetime] = mapped_column(INSTANT)
    ends_at: Mapped[datetime | None] = mapped_column(INSTANT)
    provider_id: Mapped[str | None] = mapped_column(Text)
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(INSTANT)
    sent_at: Mapped[datetime | None] = mapped_column(INSTANT)

    @staticmethod
    def values(message: Message) -> dict[str, Any]:
        """Return the columns of a message that nobody has tried to send."""
        return {
            "id": message.id,
            "user_id": message.user_id,
            "kind": message.kind.value,
            "about": message.about,
            "subject": message.subject,
            "body": message.text,
            "dedupe_key": message.dedupe_key,
            "attempts": message.attempts,
            "next_attempt_at": message.created_at,
            "ends_at": message.ends_at,
            "created_at": message.created_at,
        }

    def to_domain(self) -> Message:
        """Return the message of this row."""
        return Message(
            id=self.id,
            user_id=UserId(self.user_id),
            kind=NoticeKind(self.kind),
            dedupe_key=self.dedupe_key,
            about=self.about,
            subject=self.subject,
            text=self.body,
            created_at=self.created_at,
            ends_at=self.ends_at,
            attempts=self.attempts,
        )
