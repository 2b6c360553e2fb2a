"""Replies and summaries as kinds of generation."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from story_service.application.chat.ports import ChatWork
from story_service.application.chat.scenes import everything, file_of, gather, scene
from story_service.application.kinds import Output
from story_service.application.ports import Clock, Work
from story_service.domain.chat.context import MARK, context
from story_service.domain.chat.errors import ContextTooSmall, NothingToAnswer
from story_service.domain.chat.events import MessageCompleted
from story_service.domain.chat.ids import ConversationId, MessageId
from story_service.domain.chat.message import Message, MessageState
from story_service.domain.chat.replies import suggestions_of, uncited_claims
from story_service.domain.chat.summary import LONGEST_SUMMARY, messages
from story_service.domain.generation import Generation, State
from story_service.domain.prompt import Prompt

REPLY, SUMMARY = "chat", "summary"
Join = Callable[[Work], ChatWork]
"""Gives the same transaction as chat sees it."""
_ENDS = {State.SUCCEEDED: MessageState.COMPLETE, State.BLOCKED: MessageState.BLOCKED}


@dataclass(frozen=True, slots=True)
class ReplyKind:
    """Writes what a character answers into the message that waits for it. Its tail suggests what to ask next."""

    join: Join
    now: Clock
    name: str = REPLY
    is_shown: bool = True
    mark: str | None = MARK

    def names(self, generation: Generation) -> dict[str, str]:
        """Name the message, who speaks, and the reply that is written after this one."""
        named = ("conversation_id", "message_id", "character_id", "next_generation_id")
        return {name: generation.request[name] for name in named if generation.request.get(name)}

    def location(self, generation: Generation) -> str:
        """Return where the message is read."""
        return f"/story/v1/conversations/{generation.request['conversation_id']}/messages"

    async def prompt(self, work: Work, generation: Generation) -> Prompt | None:
        """Return the context of the character at the message that is to be answered."""
        chat, request = self.join(work), generation.request
        conversation = await chat.conversations.find(ConversationId(UUID(request["conversation_id"])))
        reply = await chat.messages.find(MessageId(generation.target.id)) if conversation else None
        at = await chat.messages.find(reply.place.parent_id) if reply and reply.place.parent_id else None
        if conversation is None or at is None:
            return None
        material = await gather(chat, conversation, at, "", request["budget"])
        speaker = next((one for one in material.cast if str(one.id) == request["character_id"]), None)
        if speaker is None:
            return None
        try:
            return Prompt(context(scene(material, speaker), request["budget"]).messages)
        except (ContextTooSmall, NothingToAnswer):
            return None  # a change of the character, or a deletion, since it was accepted

    def fault(self, _: Generation, __: Output) -> None:
        """Find nothing: every text is an answer."""

    async def keep(self, work: Work, closed: Generation, output: Output) -> dict[str, Any]:
        """Write the message, whole, in part, or that there is none."""
        chat = self.join(work)
        message = await chat.messages.find(MessageId(closed.target.id))
        if message is None:
            return {}  # purged meanwhile
        done = _written(message, closed, output)
        await chat.messages.keep(done)
        if closed.state is State.SUCCEEDED:
            at, user_id = self.now(), closed.user_id
            tokens, model = closed.price, closed.model
            told = MessageCompleted(message.conversation_id, message.id, closed.id, user_id, tokens, model, at)
            await chat.tell(told)
        said: dict[str, Any] = {"suggestions": list(done.suggestions)}
        if closed.request.get("has_case"):
            conversation = await chat.conversations.find(message.conversation_id)
            file = await file_of(chat, conversation) if conversation else None
            said["uncited_claims"] = uncited_claims(done, file) if file else None
        return said


@dataclass(frozen=True, slots=True)
class SummaryKind:
    """Makes the beginning of a long branch short. It is shown to nobody but characters."""

    join: Join
    name: str = SUMMARY
    is_shown: bool = False
    mark: str | None = None

    def names(self, generation: Generation) -> dict[str, str]:
        """Name the conversation."""
        return {"conversation_id": generation.request["conversation_id"]}

    def location(self, generation: Generation) -> str:
        """Return where it is used."""
        return f"/story/v1/conversations/{generation.request['conversation_id']}/context"

    async def prompt(self, work: Work, generation: Generation) -> Prompt | None:
        """Return what was said up to the message, behind the summary before."""
        chat, request = self.join(work), generation.request
        conversation = await chat.conversations.find(ConversationId(UUID(request["conversation_id"])))
        upto = await chat.messages.find(MessageId(generation.target.id)) if conversation else None
        if conversation is None or upto is None:
            return None
        material = await gather(chat, conversation, upto, "", request["budget"])
        return Prompt(messages(everything(material)))

    def fault(self, _: Generation, __: Output) -> None:
        """Find nothing."""

    async def keep(self, work: Work, closed: Generation, output: Output) -> dict[str, Any]:
        """Keep it, or make room for another attempt."""
        text = output.text.strip()[:LONGEST_SUMMARY] if closed.state is State.SUCCEEDED else ""
        await self.join(work).messages.end_summary(MessageId(closed.target.id), text)
        return {}


def _written(message: Message, closed: Generation, output: Output) -> Message:
    text = output.text.strip()
    state = _ENDS.get(closed.state) or (MessageState.PARTIAL if text else MessageState.FAILED)
    suggestions = suggestions_of(output.tail) if closed.state is State.SUCCEEDED else ()
    return replace(message, content=text, state=state, suggestions=suggestions)
