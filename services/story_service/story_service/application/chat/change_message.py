"""What a reader does to messages. None is ever rewritten: an edit is another branch beside the old one."""

from dataclasses import dataclass, replace

from story_service.application.attempts import AttemptKey
from story_service.application.chat.admit_words import AdmitWords
from story_service.application.chat.ports import ShownMessage, StartChatWork
from story_service.application.chat.trees import demand_quiet, owned_message, place_under
from story_service.application.ports import Clock, NewId
from story_service.domain.chat.errors import GenerationRunning, MessageUnknown, NotEditable, TooManyPins
from story_service.domain.chat.ids import MessageId
from story_service.domain.chat.message import MOST_PINS, Author, Message, MessageState
from story_service.domain.ids import UserId


@dataclass(frozen=True, slots=True)
class Edited:
    """The message that an edit made, and whether this attempt had been answered before."""

    shown: ShownMessage
    replayed: bool


@dataclass(frozen=True, slots=True)
class ChangeMessage:
    """Each change takes the conversation's row first, so that nothing is said in between."""

    start_work: StartChatWork
    admit: AdmitWords
    now: Clock
    new_id: NewId

    async def edit(self, user_id: UserId, message_id: MessageId, content: str, key: AttemptKey) -> Edited:
        """Raises MessageUnknown, NotEditable, GenerationRunning, InputBlocked, ModerationUnavailable."""
        async with self.start_work() as work:
            if kept := await work.edited.answer(user_id, key, self.now()):
                return _again(kept, content)
            _, message = await owned_message(work, user_id, message_id)
            _demand_editable(message)
        new_id = MessageId(self.new_id())
        decision = await self.admit(user_id, "message", new_id, content)
        async with self.start_work() as work:
            if kept := await work.edited.claim(user_id, key, self.now()):
                return _again(kept, content)
            conversation, old = await owned_message(work, user_id, message_id, lock=True)
            _demand_editable(old)
            await demand_quiet(work, conversation)
            parent = await work.messages.find(old.place.parent_id) if old.place.parent_id else None
            place, now = await place_under(work, parent, new_id), self.now()
            new = Message(new_id, conversation.id, conversation.message_count + 1, place, Author.USER, content, now)
            await work.messages.add(new)
            await work.conversations.keep(conversation.grown(new.id, now))
            await work.record(decision)
            await work.edited.keep(user_id, key, new)
            await work.commit()
        return Edited(ShownMessage(new, (new.id,)), replayed=False)

    async def pin(self, user_id: UserId, message_id: MessageId, *, pinned: bool) -> None:
        """Have a message told to the model however old it is. Raises MessageUnknown, TooManyPins."""
        async with self.start_work() as work:
            conversation, message = await owned_message(work, user_id, message_id, lock=True)
            if message.state is MessageState.DELETED:
                raise MessageUnknown
            if pinned and not message.pinned and await work.messages.pins_of(conversation.id) >= MOST_PINS:
                raise TooManyPins(MOST_PINS)
            await work.messages.keep(replace(message, pinned=pinned))
            await work.commit()

    async def react(self, user_id: UserId, message_id: MessageId, value: int, reason: str | None) -> None:
        """Raises MessageUnknown."""
        async with self.start_work() as work:
            _, message = await owned_message(work, user_id, message_id)
            if message.state is MessageState.DELETED:
                raise MessageUnknown
            await work.messages.react(user_id, message.id, value, reason, self.now())
            await work.commit()

    async def delete(self, user_id: UserId, message_id: MessageId) -> None:
        """Take the words away; the place stays, for what hangs below it. Raises MessageUnknown, GenerationRunning."""
        async with self.start_work() as work:
            _, message = await owned_message(work, user_id, message_id, lock=True)
            if message.state is MessageState.STREAMING:
                raise GenerationRunning
            await work.messages.keep(message.deleted())
            await work.messages.react(user_id, message.id, 0, None, self.now())
            await work.commit()


def _demand_editable(message: Message) -> None:
    if message.state is MessageState.DELETED:
        raise MessageUnknown
    if message.author is not Author.USER:
        raise NotEditable


def _again(kept: Message, content: str) -> Edited:
    new = replace(kept, content=content)
    return Edited(ShownMessage(new, (new.id,)), replayed=True)
