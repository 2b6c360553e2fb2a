"""The rows of chat."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from story_service.infrastructure.schema import Row

_KEPT = text("deleted_at IS NULL AND NOT temporary")


def _conversation() -> Mapped[UUID]:
    return mapped_column(ForeignKey("story.conversations.id", ondelete="CASCADE"), primary_key=True)


class ConversationRow(Row):
    """A conversation; `message_count` is the number that its last message has."""

    __tablename__ = "conversations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    title: Mapped[str]
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("story.cases.id", ondelete="SET NULL"))
    temporary: Mapped[bool] = mapped_column(server_default=text("false"))
    head_message_id: Mapped[UUID | None]
    forked_from: Mapped[UUID | None]
    message_count: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    archived_at: Mapped[datetime | None]
    active_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "ix_conversations_user_id_active_at",
            "user_id",
            text("active_at DESC"),
            text("id DESC"),
            postgresql_where=_KEPT,
        ),
        Index("ix_conversations_case_id", "case_id", postgresql_where=text("case_id IS NOT NULL")),
        Index("ix_conversations_deleted_at", "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")),
        Index("ix_conversations_temporary", "active_at", postgresql_where=text("temporary AND deleted_at IS NULL")),
    )


class SeatRow(Row):
    """Who sits in a conversation."""

    __tablename__ = "conversation_characters"

    conversation_id: Mapped[UUID] = _conversation()
    character_id: Mapped[UUID] = mapped_column(ForeignKey("story.characters.id"), primary_key=True)
    seat: Mapped[int] = mapped_column(SmallInteger)

    __table_args__ = (
        UniqueConstraint("conversation_id", "seat"),
        CheckConstraint("seat BETWEEN 1 AND 5", name="seat_in_range"),
    )


class MessageRow(Row):
    """A message in its place; a branch is read upwards, by `parent_id` one by one or by `jump_id` in leaps."""

    __tablename__ = "messages"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("story.conversations.id", ondelete="CASCADE"))
    seq: Mapped[int] = mapped_column(Integer)
    parent_id: Mapped[UUID | None]
    depth: Mapped[int] = mapped_column(Integer)
    jump_id: Mapped[UUID]
    jump_depth: Mapped[int] = mapped_column(Integer)
    author: Mapped[str]
    character_id: Mapped[UUID | None] = mapped_column(ForeignKey("story.characters.id"))
    content: Mapped[str]
    state: Mapped[str]
    generation_id: Mapped[UUID | None] = mapped_column(ForeignKey("story.generations.id"), unique=True)
    pinned: Mapped[bool] = mapped_column(server_default=text("false"))
    tokens: Mapped[int] = mapped_column(Integer)
    suggestions: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        UniqueConstraint("conversation_id", "id"),
        ForeignKeyConstraint(
            ["conversation_id", "parent_id"],
            ["story.messages.conversation_id", "story.messages.id"],
            name="fk_messages_parent",
        ),
        CheckConstraint("author IN ('user','character')", name="author_known"),
        CheckConstraint("(author = 'character') = (character_id IS NOT NULL)", name="character_named"),
        CheckConstraint("state IN ('streaming','complete','partial','blocked','failed','deleted')", name="state_known"),
        CheckConstraint("(parent_id IS NULL) = (depth = 0)", name="root_has_no_parent"),
        CheckConstraint("jump_depth < depth OR jump_id = id", name="jumps_upwards"),
        Index("ix_messages_parent", "conversation_id", "parent_id", "seq"),
        Index("ix_messages_pinned", "conversation_id", postgresql_where=text("pinned")),
        Index("ix_messages_streaming", "conversation_id", postgresql_where=text("state = 'streaming'")),
    )


class ReactionRow(Row):
    """What a reader thinks of a message; one thing at a time."""

    __tablename__ = "message_reactions"

    message_id: Mapped[UUID] = mapped_column(ForeignKey("story.messages.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(SmallInteger)
    reason: Mapped[str | None]
    created_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("value IN (-1,1)", name="value_known"),)


class SummaryRow(Row):
    """What came before, in short: everything on the branch up to a message, and that message."""

    __tablename__ = "conversation_summaries"

    message_id: Mapped[UUID] = mapped_column(ForeignKey("story.messages.id", ondelete="CASCADE"), primary_key=True)
    content: Mapped[str]
    tokens: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime]


class MemoryRow(Row):
    """What a reader wants remembered; `trigger_keys` as written."""

    __tablename__ = "memories"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    scope: Mapped[str]
    conversation_id: Mapped[UUID | None] = mapped_column(ForeignKey("story.conversations.id", ondelete="CASCADE"))
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("story.cases.id", ondelete="CASCADE"))
    trigger_keys: Mapped[list[str]]
    content: Mapped[str]
    pinned: Mapped[bool]
    enabled: Mapped[bool]
    priority: Mapped[int] = mapped_column(SmallInteger)
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("scope IN ('user','conversation','case')", name="scope_known"),
        CheckConstraint("(scope = 'conversation') = (conversation_id IS NOT NULL)", name="scope_named"),
        CheckConstraint("(scope = 'case') = (case_id IS NOT NULL)", name="case_named"),
        CheckConstraint("length(content) <= 2000", name="content_length"),
        Index("ix_memories_user_id", "user_id", text("created_at DESC"), text("id DESC")),
        Index("ix_memories_conversation_id", "conversation_id"),
        Index("ix_memories_case_id", "case_id", postgresql_where=text("case_id IS NOT NULL")),
    )
