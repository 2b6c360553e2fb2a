"""Conversations and messages over the wire."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StrictBool, StringConstraints

from story_service.api.schemas import Text, Wire
from story_service.application.chat.open_conversation import Wish
from story_service.application.chat.ports import ShownMessage
from story_service.domain.chat.conversation import MOST_SEATS, Conversation, ConversationEdit
from story_service.domain.ids import CharacterId

Title = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=120, pattern=r"^[^\x00-\x1f]*[^\s\x00-\x1f][^\x00-\x1f]*$"),
]
Reason = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=500, pattern=r"^[^\x00]*$")]
Cast = Annotated[
    list[UUID],
    Field(min_length=1, max_length=MOST_SEATS, json_schema_extra={"uniqueItems": True}),
]
MessageStateName = Literal["streaming", "complete", "partial", "blocked", "failed", "deleted"]


class Seated(Wire):
    """Whoever sits somewhere, once."""

    @staticmethod
    def seats(character_ids: list[UUID]) -> tuple[CharacterId, ...]:
        """Return them in the domain's words, each once."""
        return tuple(CharacterId(character_id) for character_id in dict.fromkeys(character_ids))


class ConversationIn(Seated):
    """Whom one wants to talk with; more than one is a group."""

    character_ids: Cast
    title: Title | None = None
    case_id: UUID | None = Field(default=None, description="The case that it is about: its file is told to the model.")
    temporary: StrictBool = Field(
        default=False, description="Listed nowhere, told nothing of one's memories, gone after an idle day."
    )

    def wish(self) -> Wish:
        """Return it in the domain's words."""
        return Wish(self.seats(self.character_ids), self.title, self.case_id, self.temporary)


class ConversationPatch(Seated):
    """What is to change; what is absent or null stays."""

    title: Title | None = None
    archived: StrictBool | None = None
    character_ids: Cast | None = None

    def edit(self) -> ConversationEdit:
        """Return it in the domain's words."""
        return ConversationEdit(
            self.title, self.archived, self.seats(self.character_ids) if self.character_ids else None
        )


class ForkIn(Wire):
    """Up to which message to copy; up to the head without one."""

    message_id: UUID | None = None
    title: Title | None = None


class HeadIn(Wire):
    """Where to stand from now on."""

    message_id: UUID


class ConversationOut(Wire):
    """A conversation."""

    id: UUID
    kind: Literal["single", "group"]
    title: str
    character_ids: list[UUID]
    case_id: UUID | None
    temporary: bool
    archived: bool
    head_message_id: UUID | None
    forked_from: UUID | None
    message_count: int
    version: int
    created_at: datetime
    active_at: datetime

    @classmethod
    def of(cls, conversation: Conversation) -> Self:
        """Show a conversation."""
        return cls(
            id=conversation.id,
            kind="group" if conversation.is_group else "single",
            title=conversation.title,
            character_ids=list(conversation.character_ids),
            case_id=conversation.case_id,
            temporary=conversation.temporary,
            archived=conversation.archived_at is not None,
            head_message_id=conversation.head_id,
            forked_from=conversation.forked_from,
            message_count=conversation.message_count,
            version=conversation.version,
            created_at=conversation.created_at,
            active_at=conversation.active_at,
        )


class MessageEdit(Wire):
    """Other words in the place of a message."""

    content: Text


class PinIn(Wire):
    """Whether the model is told of a message however old it is."""

    pinned: StrictBool


class ReactionIn(Wire):
    """What one thinks of a message; 0 takes it back."""

    value: Literal[-1, 0, 1]
    reason: Reason | None = None


class MessageOut(Wire):
    """A message. `siblings` are the messages in its place: its alternatives, and itself."""

    id: UUID
    conversation_id: UUID
    seq: int
    parent_id: UUID | None
    author: Literal["user", "character"]
    character_id: UUID | None
    content: str
    state: MessageStateName
    pinned: bool
    reaction: Literal[-1, 0, 1]
    siblings: list[UUID]
    generation_id: UUID | None
    created_at: datetime
    uncited_claims: int | None = Field(
        default=None,
        description="How many sentences of a reply claim something about the case that no source says; null elsewhere.",
    )

    @classmethod
    def of(cls, shown: ShownMessage) -> Self:
        """Show a message to its reader."""
        message = shown.message
        return cls.model_validate(
            {
                "id": message.id,
                "conversation_id": message.conversation_id,
                "seq": message.seq,
                "parent_id": message.place.parent_id,
                "author": message.author.value,
                "character_id": message.character_id,
                "content": message.content,
                "state": message.state.value,
                "pinned": message.pinned,
                "reaction": shown.reaction,
                "siblings": list(shown.siblings),
                "generation_id": message.generation_id,
                "created_at": message.created_at,
                "uncited_claims": shown.uncited_claims,
            }
        )


class SuggestionsOut(Wire):
    """What to ask next."""

    suggestions: list[str]
