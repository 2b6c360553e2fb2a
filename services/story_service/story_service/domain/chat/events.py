"""Facts of chat that others hear of. No text is in them."""

from dataclasses import dataclass
from datetime import datetime

from story_service.domain.chat.ids import ConversationId, MessageId
from story_service.domain.ids import CharacterId, GenerationId, UserId


@dataclass(frozen=True, slots=True)
class ConversationCreated:
    """A reader began a conversation."""

    conversation_id: ConversationId
    user_id: UserId
    character_ids: tuple[CharacterId, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class MessageCompleted:
    """A character answered."""

    conversation_id: ConversationId
    message_id: MessageId
    generation_id: GenerationId
    user_id: UserId
    tokens: int
    model: str
    at: datetime
