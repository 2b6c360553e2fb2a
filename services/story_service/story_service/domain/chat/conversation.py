"""A conversation of a reader with one to five characters."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from story_service.domain.chat.ids import ConversationId, MessageId
from story_service.domain.errors import VersionConflict
from story_service.domain.ids import CharacterId, UserId

CHAT = "chat.access"
CHATS = "chats.day"
MOST_SEATS = 5
_LONGEST_TITLE = 120


@dataclass(frozen=True, slots=True)
class ConversationEdit:
    """What a reader wants otherwise; what is None stays."""

    title: str | None = None
    archived: bool | None = None
    character_ids: tuple[CharacterId, ...] | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """`character_ids` are in the order of their seats, `head_id` is where the reader stands in the tree of messages.

    `version` counts edits, not messages: whoever writes on does not hinder whoever renames.
    """

    id: ConversationId
    user_id: UserId
    character_ids: tuple[CharacterId, ...]
    title: str
    created_at: datetime
    active_at: datetime
    case_id: UUID | None = None
    temporary: bool = False
    head_id: MessageId | None = None
    forked_from: ConversationId | None = None
    message_count: int = 0
    archived_at: datetime | None = None
    version: int = 1

    @property
    def is_group(self) -> bool:
        """Whether several characters have a seat."""
        return len(self.character_ids) > 1

    def edited(self, edit: ConversationEdit, *, version: int, now: datetime) -> "Conversation":
        """Return it changed. Raises VersionConflict when `version` is not the one that is to be changed."""
        if self.version != version:
            raise VersionConflict
        archived_at = self.archived_at
        if edit.archived is not None:
            archived_at = (archived_at or now) if edit.archived else None
        return replace(
            self,
            title=self.title if edit.title is None else edit.title,
            character_ids=edit.character_ids or self.character_ids,
            archived_at=archived_at,
            version=version + 1,
        )

    def grown(self, head_id: MessageId, now: datetime, by: int = 1) -> "Conversation":
        """Return it with so many messages more, the reader standing at the last of them."""
        return replace(self, head_id=head_id, message_count=self.message_count + by, active_at=now)

    def at(self, head_id: MessageId) -> "Conversation":
        """Return it with the reader standing elsewhere."""
        return replace(self, head_id=head_id)


def title_of(names: list[str]) -> str:
    """Return the title of a conversation that came without one: who sits in it."""
    return ", ".join(names)[:_LONGEST_TITLE]
