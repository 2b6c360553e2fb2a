"""Begins conversations: with characters, or from a branch of another one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from story_service.application.attempts import AttemptKey
from story_service.application.chat.ports import ChatWork, StartChatWork
from story_service.application.chat.trees import count_chat, demand_quiet, owned
from story_service.application.ports import Clock, NewId, Subscriptions
from story_service.domain.cases.errors import CaseUnknown
from story_service.domain.character import Character
from story_service.domain.chat.conversation import CHAT, Conversation, title_of
from story_service.domain.chat.errors import NotInConversation
from story_service.domain.chat.events import ConversationCreated
from story_service.domain.chat.ids import ConversationId, MessageId
from story_service.domain.chat.message import Author, Message, root
from story_service.domain.errors import CharacterUnknown
from story_service.domain.ids import CharacterId, ReservationId, UserId


@dataclass(frozen=True, slots=True)
class Wish:
    """Whom a reader wants to talk with."""

    character_ids: tuple[CharacterId, ...]
    title: str | None = None
    case_id: UUID | None = None
    temporary: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """A new conversation, and whether this attempt had been answered before."""

    conversation: Conversation
    replayed: bool


@dataclass(frozen=True, slots=True)
class OpenConversation:
    """Counts each on the meter of conversations, a fork too: it is one more to be carried on."""

    start_work: StartChatWork
    subscriptions: Subscriptions
    now: Clock
    new_id: NewId

    async def __call__(self, user_id: UserId, wish: Wish, key: AttemptKey) -> Opened:
        """Raises SubscriptionRequired, QuotaExceeded, CharacterUnknown, CaseUnknown."""
        async with self.start_work() as work:
            if kept := await work.opened.answer(user_id, key, self.now()):
                return Opened(kept, replayed=True)
        access = await self.subscriptions.access(user_id)
        access.demand(CHAT)
        now = self.now()
        async with self.start_work() as work:
            if kept := await work.opened.claim(user_id, key, now):
                return Opened(kept, replayed=True)
            guests = await self._guests(work, user_id, wish)
            await _demand_case(work, user_id, wish.case_id)
            title = wish.title or title_of([guest.persona.name for guest in guests])
            conversation = Conversation(
                ConversationId(self.new_id()),
                user_id,
                wish.character_ids,
                title,
                now,
                now,
                case_id=wish.case_id,
                temporary=wish.temporary,
            )
            await count_chat(work, user_id, access, ReservationId(self.new_id()), now)
            conversation = await self._greeted(work, conversation, guests)
            await work.opened.keep(user_id, key, conversation)
            await work.tell(ConversationCreated(conversation.id, user_id, conversation.character_ids, now))
            await work.commit()
        return Opened(conversation, replayed=False)

    async def fork(
        self,
        user_id: UserId,
        conversation_id: ConversationId,
        message_id: MessageId | None,
        title: str | None,
        key: AttemptKey,
    ) -> Opened:
        """Copy the branch up to a message, or up to the head.

        Raises SubscriptionRequired, QuotaExceeded, ConversationUnknown, NotInConversation, GenerationRunning.
        """
        async with self.start_work() as work:
            if kept := await work.forked.answer(user_id, key, self.now()):
                return Opened(kept, replayed=True)
        access = await self.subscriptions.access(user_id)
        access.demand(CHAT)
        now = self.now()
        async with self.start_work() as work:
            if kept := await work.forked.claim(user_id, key, now):
                return Opened(kept, replayed=True)
            await count_chat(work, user_id, access, ReservationId(self.new_id()), now)
            source = await owned(work, user_id, conversation_id, lock=True)
            await demand_quiet(work, source)
            upto = await _upto(work, source, message_id)
            fork = Conversation(
                ConversationId(self.new_id()),
                user_id,
                source.character_ids,
                title or source.title,
                now,
                now,
                case_id=source.case_id,
                temporary=source.temporary,
                forked_from=source.id,
            )
            await work.conversations.add(fork)
            if upto:
                head_id = await work.messages.copy_branch(upto, fork)
                fork = fork.grown(head_id, now, by=upto.place.depth + 1)
                await work.conversations.keep(fork)
            await work.forked.keep(user_id, key, fork)
            await work.tell(ConversationCreated(fork.id, user_id, fork.character_ids, now))
            await work.commit()
        return Opened(fork, replayed=False)

    async def _guests(self, work: ChatWork, user_id: UserId, wish: Wish) -> Sequence[Character]:
        guests = await work.conversations.guests(user_id, wish.character_ids)
        if len(guests) < len(wish.character_ids):
            raise CharacterUnknown
        return guests

    async def _greeted(self, work: ChatWork, conversation: Conversation, guests: Sequence[Character]) -> Conversation:
        """Let a single character speak first, if it has a greeting."""
        await work.conversations.add(conversation)
        greeting = guests[0].persona.greeting
        if conversation.is_group or not greeting:
            return conversation
        message_id = MessageId(self.new_id())
        first = Message(
            message_id,
            conversation.id,
            1,
            root(message_id),
            Author.CHARACTER,
            greeting,
            conversation.created_at,
            character_id=guests[0].id,
        )
        await work.messages.add(first)
        greeted = replace(conversation, head_id=first.id, message_count=1)
        await work.conversations.keep(greeted)
        return greeted


async def _demand_case(work: ChatWork, user_id: UserId, case_id: UUID | None) -> None:
    file = await work.cases.find(case_id) if case_id else None
    if case_id and (file is None or not file.head.is_visible_to(user_id)):
        raise CaseUnknown


async def _upto(work: ChatWork, source: Conversation, message_id: MessageId | None) -> Message | None:
    """Return the last message to be copied; None where nothing has been said."""
    wanted = message_id or source.head_id
    message = await work.messages.find(wanted) if wanted else None
    if message is None and wanted is None:
        return None
    if message is None or message.conversation_id != source.id:
        raise NotInConversation
    return message
