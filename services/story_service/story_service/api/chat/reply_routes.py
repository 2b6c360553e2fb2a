"""Turns of a conversation: say something, ask for another reply, look at what a model is told."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse

from common_auth.bearer import SIGNED_IN
from common_auth.callers import Callers, Person
from common_service.draining import Drain
from common_service.idempotency import IdempotencyInProgress, IdempotencyKey, IdempotencyKeyReused, request_hash
from common_service.problems import RateLimited
from common_service.rate_limit import RateLimits, limited
from story_service.api.chat.conversation_routes import REPLAYED
from story_service.api.chat.reply_schemas import ContextOut, RetryIn, SayIn, TurnOut
from story_service.api.chat.use_cases import ChatUseCases
from story_service.api.problems import ANY_READER, FACES, GATED
from story_service.api.streams import EVENTS, MEDIA_TYPE, event_stream
from story_service.application.accept_generations import Accepted, Call
from story_service.application.attempts import AttemptKey
from story_service.domain import errors
from story_service.domain.chat import errors as refusals
from story_service.domain.chat.ids import ConversationId, MessageId
from story_service.domain.ids import CharacterId, UserId

_TURN: tuple[type[Exception], ...] = (
    *GATED,
    errors.SubscriptionRequired,
    errors.PlanUpgradeRequired,
    errors.QuotaExceeded,
    errors.ModelUnavailable,
    errors.MaxPriceExceeded,
    refusals.GenerationRunning,
    refusals.NobodyAnswers,
    refusals.NothingToAnswer,
    refusals.ContextTooSmall,
    IdempotencyKeyReused,
    IdempotencyInProgress,
    RateLimited,
)
_SAID = (
    *_TURN,
    errors.InputBlocked,
    errors.ModerationUnavailable,
    refusals.ConversationUnknown,
    refusals.NotInConversation,
)
_SHOWN: tuple[type[Exception], ...] = (
    *GATED,
    refusals.ConversationUnknown,
    refusals.NotInConversation,
    refusals.NobodyAnswers,
    refusals.NothingToAnswer,
    refusals.ContextTooSmall,
)
Answering = Annotated[UUID | None, Query(description="The message to be answered; the head without one.")]
Speaker = Annotated[UUID | None, Query(description="Who answers; whom it concerns without one.")]


def reply_routes(use_cases: ChatUseCases, callers: Callers, limits: RateLimits, drain: Drain) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/story/v1", tags=["chat"], dependencies=[SIGNED_IN])
    _add_turns(router, use_cases, callers, limits, drain)
    _add_context(router, use_cases, callers)
    return router


def _add_turns(router: APIRouter, use_cases: ChatUseCases, callers: Callers, limits: RateLimits, drain: Drain) -> None:
    signed_in = Depends(callers.reader)
    often = limits.per_user("story.send_message", callers.reader)
    again = limits.per_user("story.retry_message", callers.reader)

    @router.post(
        "/conversations/{conversation_id:uuid}/messages",
        status_code=202,
        dependencies=[often],
        response_model=TurnOut,
        responses=_accepted(*_SAID),
    )
    async def send_message(
        request: Request,
        reader: Annotated[Person, signed_in],
        conversation_id: UUID,
        body: SayIn,
        key: IdempotencyKey,
    ) -> Response:
        """Say something and have it answered. With `Accept: text/event-stream` this answer carries the first reply.

        In a group each speaker answers in a generation of its own, one after another; `next_generation_id` of the
        first event names the one behind it.
        """
        attempt = AttemptKey(key, request_hash({"of": str(conversation_id), **body.model_dump()}))
        call = Call(UserId(reader.user_id), body.model, body.max_price)
        accepted = await use_cases.converse.say(call, body.say(conversation_id), attempt)
        turn = TurnOut.of(accepted, conversation_id, body.content)
        return await _answer(use_cases, drain, request, call.user_id, accepted, turn)

    @router.post(
        "/messages/{message_id:uuid}/retry",
        status_code=202,
        dependencies=[again],
        response_model=TurnOut,
        responses=_accepted(*_TURN, refusals.MessageUnknown),
    )
    async def retry_message(
        request: Request, reader: Annotated[Person, signed_in], message_id: UUID, body: RetryIn, key: IdempotencyKey
    ) -> Response:
        """Have a reply written anew beside the old one, which is kept; or have a message of one's own answered."""
        attempt = AttemptKey(key, request_hash({"of": str(message_id), **body.model_dump()}))
        call = Call(UserId(reader.user_id), body.model, body.max_price)
        accepted = await use_cases.converse.again(call, MessageId(message_id), attempt)
        return await _answer(use_cases, drain, request, call.user_id, accepted, TurnOut.of(accepted, message_id))


def _add_context(router: APIRouter, use_cases: ChatUseCases, callers: Callers) -> None:
    signed_in = Depends(callers.reader)

    @router.get("/conversations/{conversation_id:uuid}/context", responses=FACES.responses(*ANY_READER, *_SHOWN))
    async def read_context(
        reader: Annotated[Person, signed_in],
        conversation_id: UUID,
        message_id: Answering = None,
        character_id: Speaker = None,
    ) -> ContextOut:
        """Read exactly what a character's model sees when it answers a message, and what each part takes."""
        speaker_id, found = await use_cases.context(
            UserId(reader.user_id),
            ConversationId(conversation_id),
            MessageId(message_id) if message_id else None,
            CharacterId(character_id) if character_id else None,
        )
        return ContextOut.of(speaker_id, found)


async def _answer(  # one argument a part of the call
    use_cases: ChatUseCases, drain: Drain, request: Request, user_id: UserId, accepted: Accepted, turn: TurnOut
) -> Response:
    headers = {"Idempotent-Replayed": "true"} if accepted.replayed else {}
    if MEDIA_TYPE not in request.headers.get("accept", ""):
        return JSONResponse(turn.model_dump(mode="json"), 202, headers)
    first = accepted.generations[0]
    followed = await use_cases.follow.check(user_id, first.id) if accepted.replayed else first
    return event_stream(use_cases.follow(followed, 0), drain, headers)


def _accepted(*refused: type[Exception]) -> dict[int | str, dict[str, Any]]:
    answers: dict[int | str, dict[str, Any]] = {
        **EVENTS,
        202: {"description": "Accepted; the events tell the rest.", "headers": REPLAYED},
        **FACES.responses(*ANY_READER, *refused),
    }
    return limited(answers, 200, 202)
