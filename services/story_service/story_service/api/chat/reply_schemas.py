"""Turns of a conversation over the wire: what is said, who answers, and what a model is told."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StrictInt

from story_service.api.chat.schemas import MessageOut
from story_service.api.schemas import GenerationBrief, ModelName, QuoteOut, Text, Wire, events_path
from story_service.application.accept_generations import Accepted
from story_service.application.chat.converse import Say
from story_service.application.chat.kinds import REPLY
from story_service.domain.chat.context import Context, Part
from story_service.domain.chat.ids import ConversationId, MessageId
from story_service.domain.generation import Generation
from story_service.domain.ids import CharacterId

_LARGEST_INTEGER = 2**53 - 1
MaxPrice = Annotated[
    StrictInt, Field(ge=1, le=_LARGEST_INTEGER, description="The most weighted tokens of all replies.")
]


class RetryIn(Wire):
    """On which terms to answer anew."""

    model: ModelName | None = None
    max_price: MaxPrice | None = None


class SayIn(RetryIn):
    """What one says."""

    content: Text
    parent_id: UUID | None = Field(default=None, description="Below which message; below the head without one.")
    respond_as: UUID | None = Field(default=None, description="Who is to answer; whom it concerns without one.")

    def say(self, conversation_id: UUID) -> Say:
        """Return it in the domain's words."""
        return Say(
            ConversationId(conversation_id),
            self.content,
            MessageId(self.parent_id) if self.parent_id else None,
            CharacterId(self.respond_as) if self.respond_as else None,
        )


class ReplyOut(Wire):
    """A reply that is being written, or waits for the one before it."""

    message_id: UUID
    character_id: UUID
    generation: GenerationBrief


class TurnOut(Wire):
    """What was said, and who answers. `generation` is that of the first reply."""

    message: MessageOut | None = Field(description="Nothing where a reply is asked for anew.")
    generation: GenerationBrief
    replies: list[ReplyOut]

    @classmethod
    def of(cls, accepted: Accepted, conversation_id: UUID, content: str = "") -> Self:
        """Show what was accepted; the words come from whoever said them."""
        replies = [one for one in accepted.generations if one.kind == REPLY]
        kept = accepted.said.get("message")
        message = None
        if kept:
            message = MessageOut(
                id=kept["id"],
                conversation_id=conversation_id,
                seq=kept["seq"],
                parent_id=kept["parent_id"],
                author="user",
                character_id=None,
                content=content,
                state="complete",
                pinned=False,
                reaction=0,
                siblings=[kept["id"]],
                generation_id=None,
                created_at=replies[0].created_at,
            )
        return cls(
            message=message,
            generation=_brief(replies[0]),
            replies=[
                ReplyOut(message_id=said["id"], character_id=said["character_id"], generation=_brief(reply))
                for said, reply in zip(accepted.said["replies"], replies, strict=True)
            ],
        )


class ContextPart(Wire):
    """One message for the model; `id` is the memory or message it tells."""

    kind: Literal["instructions", "facts", "summary", "memory", "message"]
    id: UUID | None
    role: Literal["system", "user", "assistant"]
    content: str
    tokens: int

    @classmethod
    def of(cls, part: Part) -> Self:
        """Show a part."""
        return cls.model_validate(
            {
                "kind": part.kind.value,
                "id": part.ref,
                "role": part.message.role,
                "content": part.message.content,
                "tokens": part.tokens,
            }
        )


class ContextOut(Wire):
    """Exactly what a model would see, in order."""

    character_id: UUID
    budget: int = Field(description="Tokens of the plan's context, without room for the reply.")
    tokens: int = Field(description="What all parts take, about.")
    parts: list[ContextPart]

    @classmethod
    def of(cls, character_id: UUID, found: Context) -> Self:
        """Show a context."""
        parts = [ContextPart.of(part) for part in found.parts]
        return cls(character_id=character_id, budget=found.budget, tokens=found.tokens, parts=parts)


def _brief(generation: Generation) -> GenerationBrief:
    return GenerationBrief(
        id=generation.id,
        state=generation.state.value,
        billing=generation.billing.value,
        quote=QuoteOut.of(generation.quote),
        events=events_path(generation.id),
    )
