"""Has characters answer: to something that a reader says, or once more to what was said."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from story_service.application.accept_generations import Accepted, AcceptGenerations, Call
from story_service.application.attempts import AttemptKey
from story_service.application.chat.kinds import REPLY, SUMMARY, Join
from story_service.application.chat.ports import ChatWork
from story_service.application.chat.scenes import (
    MOST_CONTEXT,
    MOST_OUTPUT,
    Material,
    beginning,
    budget_of,
    gather,
    scene,
)
from story_service.application.chat.trees import demand_quiet, owned, owned_message, place_under
from story_service.application.kinds import Order, Piece
from story_service.application.ports import NewId, Work
from story_service.domain.access import Access
from story_service.domain.character import Character
from story_service.domain.chat.context import Line, context
from story_service.domain.chat.conversation import CHAT, Conversation
from story_service.domain.chat.errors import NobodyAnswers, NothingToAnswer, NotInConversation
from story_service.domain.chat.ids import ConversationId, MessageId
from story_service.domain.chat.message import Author, Message, MessageState
from story_service.domain.chat.speakers import speakers
from story_service.domain.chat.summary import MOST_OUTPUT as MOST_SUMMARY
from story_service.domain.chat.summary import messages as summing
from story_service.domain.generation import Generation, Target
from story_service.domain.ids import CharacterId, GenerationId, UserId
from story_service.domain.pricing import prompt_bound
from story_service.domain.prompt import Prompt

_ROUTE = "POST /story/v1/conversations/{id}/messages"
_RETRY = "POST /story/v1/messages/{id}/retry"
_TOKENS_AROUND = 100  # of a reply that the next speaker reads: name, marks, and what a message adds


@dataclass(frozen=True, slots=True)
class Say:
    """What a reader says, below `parent_id` or the head; whom it is said to, if not to whom it concerns."""

    conversation_id: ConversationId
    content: str
    parent_id: MessageId | None = None
    respond_as: CharacterId | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """What is to be answered, by whom: `content` is said first where there is any, below `at`."""

    material: Material
    at: Message | None
    content: str
    cast: Sequence[Character]


@dataclass(frozen=True, slots=True)
class ReplyCommission:
    """A turn, drawn up: a reply of each speaker, one after another, and a summary where the branch outgrew its room.

    `said` is completed by `save`, when the places of the messages are known, and kept with the answer.
    """

    wanted: Say | MessageId
    user_id: UserId
    join: Join
    new_id: NewId
    route: str
    flag: str = CHAT
    said: dict[str, Any] = field(default_factory=dict)

    async def read(self, work: Work) -> Callable[[Access], Order]:
        """Look up the conversation and what is known of it. Raises what is wrong with the turn."""
        chat = self.join(work)
        if isinstance(self.wanted, Say):
            conversation = await owned(chat, self.user_id, self.wanted.conversation_id)
            above = self.wanted.parent_id or conversation.head_id
            at = await chat.messages.find(above) if above else None
            if above and (at is None or at.conversation_id != conversation.id):
                raise NotInConversation
            content, respond_as = self.wanted.content, self.wanted.respond_as
        else:
            conversation, at, respond_as = await _asked_again(chat, self.user_id, self.wanted)
            content = ""
        await demand_quiet(chat, conversation)
        material = await gather(chat, conversation, at, content, MOST_CONTEXT)
        words = content or (at.content if at else "")
        turn = Turn(material, at, content, _answering(material, words, respond_as))
        return lambda access: self._order(turn, budget_of(access))

    def _order(self, turn: Turn, budget: int) -> Order:
        message_id = MessageId(self.new_id())
        said = Line(message_id, turn.content) if turn.content else None
        replies = [MessageId(self.new_id()) for _ in turn.cast]
        generations = [GenerationId(self.new_id()) for _ in turn.cast]
        pieces = []
        for number, speaker in enumerate(turn.cast):
            prompt = context(scene(turn.material, speaker, said), budget)
            request: dict[str, Any] = {
                "conversation_id": str(turn.material.conversation.id),
                "message_id": str(replies[number]),
                "character_id": str(speaker.id),
                "budget": budget,
            }
            if turn.material.conversation.case_id:
                request["has_case"] = True
            if number + 1 < len(generations):
                request["next_generation_id"] = str(generations[number + 1])
            bound = prompt_bound(prompt.messages) + number * (MOST_OUTPUT + _TOKENS_AROUND)
            target = Target("message", replies[number])
            known = None if number else Prompt(prompt.messages)
            pieces.append(Piece(generations[number], REPLY, target, request, bound, MOST_OUTPUT, prompt=known))
        about = Target("message", message_id if said else replies[0])
        pieces += self._summary(turn, budget)
        return Order(tuple(pieces), turn.content, about, self._saving(turn, message_id), self.said)

    def _summary(self, turn: Turn, budget: int) -> list[Piece]:
        wanted = beginning(turn.material, budget)
        if wanted is None:
            return []
        upto, part = wanted
        request = {"conversation_id": str(turn.material.conversation.id), "budget": MOST_CONTEXT}
        target, bound = Target("message", upto.id), prompt_bound(summing(part))
        return [Piece(GenerationId(self.new_id()), SUMMARY, target, request, bound, MOST_SUMMARY)]

    def _saving(self, turn: Turn, message_id: MessageId) -> Callable[[Work, Sequence[Generation]], Awaitable[None]]:
        async def save(work: Work, generations: Sequence[Generation]) -> None:
            chat, now = self.join(work), generations[0].created_at
            conversation = await owned(chat, self.user_id, turn.material.conversation.id, lock=True)
            await demand_quiet(chat, conversation)
            grown, tip = conversation, turn.at
            if turn.content:
                place = await place_under(chat, tip, message_id)
                number = grown.message_count + 1
                tip = Message(message_id, grown.id, number, place, Author.USER, turn.content, now)
                await chat.messages.add(tip)
                grown = grown.grown(tip.id, now)
                self.said["message"] = _document(tip)
            self.said["replies"] = []
            for generation in generations:
                if generation.kind == SUMMARY:
                    await chat.messages.begin_summary(MessageId(generation.target.id), now)
                    continue
                tip = await _reply_below(chat, grown, tip, generation)
                grown = grown.grown(tip.id, now)
                self.said["replies"].append(_document(tip) | {"character_id": generation.request["character_id"]})
            await chat.conversations.keep(grown)

        return save


@dataclass(frozen=True, slots=True)
class Converse:
    """Money, moderation, leases and logs are the pipeline's; this draws up what is to be answered."""

    accept: AcceptGenerations
    join: Join
    new_id: NewId

    async def say(self, call: Call, say: Say, key: AttemptKey) -> Accepted:
        """Raises what the pipeline raises, and ConversationUnknown, NotInConversation, NobodyAnswers,
        GenerationRunning, ContextTooSmall.
        """
        return await self.accept(call, self.commission(call.user_id, say), key)

    async def again(self, call: Call, message_id: MessageId, key: AttemptKey) -> Accepted:
        """Have a reply written anew beside the old one, or replies to a message that has none.

        Raises as `say` does, and MessageUnknown, NothingToAnswer.
        """
        return await self.accept(call, self.commission(call.user_id, message_id), key)

    def commission(self, user_id: UserId, wanted: Say | MessageId) -> ReplyCommission:
        """Return what a call asks for: an answer to what is said, or once more to what was said."""
        route = _ROUTE if isinstance(wanted, Say) else _RETRY
        return ReplyCommission(wanted, user_id, self.join, self.new_id, route)


async def _asked_again(
    chat: ChatWork, user_id: UserId, message_id: MessageId
) -> tuple[Conversation, Message, CharacterId | None]:
    """Return what a message answers, or the message itself where it is the reader's; and who is to answer."""
    conversation, message = await owned_message(chat, user_id, message_id)
    if message.author is Author.USER:
        if not message.is_readable:
            raise NothingToAnswer
        return conversation, message, None
    at = await chat.messages.find(message.place.parent_id) if message.place.parent_id else None
    if at is None:
        raise NothingToAnswer  # a greeting
    return conversation, at, message.character_id


def _answering(material: Material, words: str, respond_as: CharacterId | None) -> list[Character]:
    wanted = (respond_as,) if respond_as else speakers(material.cast, words, material.lately)
    found = {character.id: character for character in material.cast}
    cast = [found[character_id] for character_id in wanted if character_id in found]
    if not cast:
        raise NobodyAnswers
    return cast


async def _reply_below(
    chat: ChatWork, conversation: Conversation, tip: Message | None, generation: Generation
) -> Message:
    reply_id, request = MessageId(generation.target.id), generation.request
    reply = Message(
        reply_id,
        conversation.id,
        conversation.message_count + 1,
        await place_under(chat, tip, reply_id),
        Author.CHARACTER,
        "",
        generation.created_at,
        character_id=CharacterId(UUID(request["character_id"])),
        state=MessageState.STREAMING,
        generation_id=generation.id,
    )
    await chat.messages.add(reply)
    return reply


def _document(message: Message) -> dict[str, Any]:
    """Write a message as it was made, without its words."""
    parent_id = message.place.parent_id
    return {"id": str(message.id), "seq": message.seq, "parent_id": str(parent_id) if parent_id else None}
