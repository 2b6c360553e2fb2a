"""What the routes of chat can do."""

from dataclasses import dataclass

from story_service.application.chat.change_conversation import ChangeConversation
from story_service.application.chat.change_message import ChangeMessage
from story_service.application.chat.converse import Converse
from story_service.application.chat.open_conversation import OpenConversation
from story_service.application.chat.own_memories import OwnMemories
from story_service.application.chat.read_context import ReadContext
from story_service.application.chat.read_conversations import ReadConversations
from story_service.application.follow_generation import FollowGeneration


@dataclass(frozen=True, slots=True)
class ChatUseCases:
    """The use cases of chat, wired."""

    open: OpenConversation
    read: ReadConversations
    change: ChangeConversation
    messages: ChangeMessage
    memories: OwnMemories
    converse: Converse
    context: ReadContext
    follow: FollowGeneration
