"""Every call that is paid for, as somebody asks what it would cost."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Discriminator, Tag

from story_service.api.analysing.schemas import AnalyseIn
from story_service.api.chat.reply_schemas import RetryIn, SayIn
from story_service.api.continuing.schemas import ContinueIn
from story_service.api.schemas import StoryIn
from story_service.api.use_cases import UseCases
from story_service.application.accept_generations import Call
from story_service.application.kinds import Commission
from story_service.domain.chat.ids import MessageId
from story_service.domain.ids import StoryId, UserId


class StoryQuoteIn(StoryIn):
    """A wish for a story; what names no kind is one."""

    kind: Literal["story"] = "story"


class MessageQuoteIn(SayIn):
    """Something to be said in a conversation."""

    kind: Literal["message"]
    conversation_id: UUID


class RetryQuoteIn(RetryIn):
    """A reply to be written anew."""

    kind: Literal["retry"]
    message_id: UUID


class ContinuationQuoteIn(ContinueIn):
    """A story that is to go on, or a part of it that is to be written anew."""

    kind: Literal["continuation"]
    story_id: UUID


class AnalysisQuoteIn(AnalyseIn):
    """Questions about a story."""

    kind: Literal["analysis"]
    story_id: UUID


def _kind(body: Any) -> Any:
    return body.get("kind", "story") if isinstance(body, dict) else getattr(body, "kind", None)


QuoteIn = Annotated[
    Annotated[StoryQuoteIn, Tag("story")]
    | Annotated[MessageQuoteIn, Tag("message")]
    | Annotated[RetryQuoteIn, Tag("retry")]
    | Annotated[ContinuationQuoteIn, Tag("continuation")]
    | Annotated[AnalysisQuoteIn, Tag("analysis")],
    Discriminator(_kind),
]


def asked(use_cases: UseCases, user_id: UserId, body: QuoteIn) -> tuple[Call, Commission]:
    """Return the call that it would be."""
    call = Call(user_id, body.model, body.max_price)
    match body:
        case StoryQuoteIn():
            return call, use_cases.generate.commission(body.ask(user_id))
        case MessageQuoteIn():
            return call, use_cases.converse.commission(user_id, body.say(body.conversation_id))
        case RetryQuoteIn():
            return call, use_cases.converse.commission(user_id, MessageId(body.message_id))
        case ContinuationQuoteIn():
            return call, use_cases.go_on.commission(user_id, StoryId(body.story_id), body.wish())
        case AnalysisQuoteIn():
            return call, use_cases.analyse.commission(user_id, StoryId(body.story_id), body.asked)
