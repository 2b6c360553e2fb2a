"""Changes what a conversation is: its name, its seats, where its reader stands; and removes it."""

from dataclasses import dataclass
from datetime import timedelta

from story_service.application.chat.ports import StartChatWork
from story_service.application.chat.trees import demand_quiet, owned
from story_service.application.ports import Clock
from story_service.application.purge_stories import DELETED_KEPT
from story_service.domain.chat.conversation import Conversation, ConversationEdit
from story_service.domain.chat.errors import NotInConversation
from story_service.domain.chat.ids import ConversationId, MessageId
from story_service.domain.errors import CharacterUnknown
from story_service.domain.ids import UserId

TEMPORARY_KEPT = timedelta(days=1)
_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class ChangeConversation:
    """Each change takes the conversation's row first, so that nothing is said in between."""

    start_work: StartChatWork
    now: Clock

    async def edit(
        self, user_id: UserId, conversation_id: ConversationId, edit: ConversationEdit, *, version: int
    ) -> Conversation:
        """Raises ConversationUnknown, VersionConflict, CharacterUnknown."""
        async with self.start_work() as work:
            current = await owned(work, user_id, conversation_id, lock=True)
            edited = current.edited(edit, version=version, now=self.now())
            if edited.character_ids != current.character_ids:
                guests = await work.conversations.guests(user_id, edited.character_ids)
                if len(guests) < len(edited.character_ids):
                    raise CharacterUnknown
            await work.conversations.keep(edited)
            await work.commit()
        return edited

    async def move_head(self, user_id: UserId, conversation_id: ConversationId, message_id: MessageId) -> Conversation:
        """Switch to another branch, or to an earlier message of this one.

        Raises ConversationUnknown, NotInConversation, GenerationRunning.
        """
        async with self.start_work() as work:
            conversation = await owned(work, user_id, conversation_id, lock=True)
            message = await work.messages.find(message_id)
            if message is None or message.conversation_id != conversation.id:
                raise NotInConversation
            await demand_quiet(work, conversation)
            moved = conversation.at(message.id)
            await work.conversations.keep(moved)
            await work.commit()
        return moved

    async def delete(self, user_id: UserId, conversation_id: ConversationId) -> None:
        """Raises ConversationUnknown."""
        async with self.start_work() as work:
            conversation = await owned(work, user_id, conversation_id, lock=True)
            await work.conversations.delete(conversation.id, self.now())
            await work.commit()


@dataclass(frozen=True, slots=True)
class PurgeConversations:
    """Hides temporary conversations after an idle day, and removes hidden ones 30 days later, with every message."""

    start_work: StartChatWork
    now: Clock

    async def __call__(self) -> bool:
        """Return whether there may be more."""
        now = self.now()
        async with self.start_work() as work:
            hidden = await work.conversations.hide_temporary(now - TEMPORARY_KEPT, now, _AT_ONCE)
            await work.commit()
        async with self.start_work() as work:
            purged = await work.conversations.purge_deleted(now - DELETED_KEPT, _AT_ONCE)
            await work.commit()
        return _AT_ONCE in (hidden, purged)
