"""A reader's conversations and their messages: pages that cost what they show, however long a conversation is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from story_service.application.chat.ports import ChatWork, ConversationFilter, ShownMessage, StartChatWork
from story_service.application.chat.scenes import file_of
from story_service.application.chat.trees import owned
from story_service.domain.chat.conversation import Conversation
from story_service.domain.chat.ids import ConversationId, MessageId
from story_service.domain.chat.message import Message
from story_service.domain.chat.replies import uncited_claims
from story_service.domain.ids import UserId


@dataclass(frozen=True, slots=True)
class ReadConversations:
    """Reads, in a transaction as short as the read."""

    start_work: StartChatWork

    async def page(
        self, user_id: UserId, wanted: ConversationFilter, *, before: tuple[datetime, UUID] | None, most: int
    ) -> Sequence[Conversation]:
        """Return the last used first."""
        async with self.start_work() as work:
            return await work.conversations.of(user_id, wanted, before=before, most=most)

    async def one(self, user_id: UserId, conversation_id: ConversationId) -> Conversation:
        """Raises ConversationUnknown."""
        async with self.start_work() as work:
            return await owned(work, user_id, conversation_id)

    async def branch(
        self, user_id: UserId, conversation_id: ConversationId, *, start: MessageId | None, most: int
    ) -> list[ShownMessage]:
        """Return the branch that the reader stands on from `start` upwards, from the head without one.

        Raises ConversationUnknown.
        """
        async with self.start_work() as work:
            conversation = await owned(work, user_id, conversation_id)
            first = start or conversation.head_id
            messages = await work.messages.branch(first, most=most) if first else []
            return await _shown(work, conversation, messages)

    async def every_branch(
        self, user_id: UserId, conversation_id: ConversationId, *, before: int | None, most: int
    ) -> list[ShownMessage]:
        """Return messages of all branches, the newest first. Raises ConversationUnknown."""
        async with self.start_work() as work:
            conversation = await owned(work, user_id, conversation_id)
            messages = await work.messages.newest(conversation.id, before=before, most=most)
            return await _shown(work, conversation, messages)

    async def suggestions(self, user_id: UserId, conversation_id: ConversationId) -> tuple[str, ...]:
        """Return what the reply at the head suggests to ask next. Raises ConversationUnknown."""
        async with self.start_work() as work:
            conversation = await owned(work, user_id, conversation_id)
            head = await work.messages.find(conversation.head_id) if conversation.head_id else None
        return head.suggestions if head else ()


async def _shown(work: ChatWork, conversation: Conversation, messages: Sequence[Message]) -> list[ShownMessage]:
    """Return messages as their reader sees them, those about a case with what they say without a source."""
    shown = await work.messages.shown(conversation.user_id, messages)
    file = await file_of(work, conversation)
    if file is None:
        return shown
    return [replace(one, uncited_claims=uncited_claims(one.message, file)) for one in shown]
