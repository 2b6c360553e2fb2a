"""Shows exactly what a character's model would be given to read, and what each part of it takes."""

from dataclasses import dataclass

from story_service.application.chat.ports import StartChatWork
from story_service.application.chat.scenes import budget_of, gather, scene
from story_service.application.chat.trees import owned
from story_service.application.ports import Subscriptions
from story_service.domain.chat.context import Context, context
from story_service.domain.chat.errors import NobodyAnswers, NothingToAnswer, NotInConversation
from story_service.domain.chat.ids import ConversationId, MessageId
from story_service.domain.chat.message import Author
from story_service.domain.chat.speakers import speakers
from story_service.domain.ids import CharacterId, UserId


@dataclass(frozen=True, slots=True)
class ReadContext:
    """Builds it by the same functions as a reply does."""

    start_work: StartChatWork
    subscriptions: Subscriptions

    async def __call__(
        self,
        user_id: UserId,
        conversation_id: ConversationId,
        message_id: MessageId | None,
        character_id: CharacterId | None,
    ) -> tuple[CharacterId, Context]:
        """Return it as if a message were answered now, by this character or by whom it concerns.

        Raises ConversationUnknown, NotInConversation, NothingToAnswer, NobodyAnswers, ContextTooSmall.
        """
        budget = budget_of(await self.subscriptions.access(user_id))
        async with self.start_work() as work:
            conversation = await owned(work, user_id, conversation_id)
            wanted = message_id or conversation.head_id
            at = await work.messages.find(wanted) if wanted else None
            if wanted is None:
                raise NothingToAnswer
            if at is None or at.conversation_id != conversation.id:
                raise NotInConversation
            material = await gather(work, conversation, at, "", budget)
        words = next((one.content for one in reversed(material.heard) if one.author is Author.USER), "")
        chosen = character_id or next(iter(speakers(material.cast, words, material.lately)), None)
        speaker = next((one for one in material.cast if one.id == chosen), None)
        if speaker is None:
            raise NobodyAnswers
        return speaker.id, context(scene(material, speaker), budget)
