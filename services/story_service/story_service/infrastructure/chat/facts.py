"""Facts of chat as others read them (contracts/events)."""

from common_events.outbox import Fact
from story_service.domain.chat.events import ConversationCreated, MessageCompleted


def chat_fact(event: ConversationCreated | MessageCompleted) -> Fact:
    """Return the fact that tells of an event."""
    if isinstance(event, ConversationCreated):
        return _conversation_created(event)
    return _message_completed(event)


def _conversation_created(event: ConversationCreated) -> Fact:
    data = {
        "conversation_id": str(event.conversation_id),
        "kind": "group" if len(event.character_ids) > 1 else "single",
        "character_ids": [str(character_id) for character_id in event.character_ids],
    }
    return Fact("conversation.created", str(event.conversation_id), 1, data, event.at, event.user_id)


def _message_completed(event: MessageCompleted) -> Fact:
    data = {
        "conversation_id": str(event.conversation_id),
        "message_id": str(event.message_id),
        "generation_id": str(event.generation_id),
        "tokens": event.tokens,
        "model": event.model,
    }
    return Fact("message.completed", str(event.conversation_id), 1, data, event.at, event.user_id)
