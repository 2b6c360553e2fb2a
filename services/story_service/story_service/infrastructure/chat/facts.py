"""Facts of chat as others read them (contracts/events)."""

from common_events.outbox import Fact
from story_service.domain.chat.events import ConversationCreated


def conversation_created(event: ConversationCreated) -> Fact:
    """Tell who sits in it, and nothing that is said."""
    data = {
        "conversation_id": str(event.conversation_id),
        "kind": "group" if len(event.character_ids) > 1 else "single",
        "character_ids": [str(character_id) for character_id in event.character_ids],
    }
    return Fact("conversation.created", str(event.conversation_id), 1, data, event.at, event.user_id)
