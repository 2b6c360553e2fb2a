"""Messages: read, edit as a new branch, pin, react, delete."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from common_auth.bearer import SIGNED_IN
from common_auth.callers import Callers, Person
from common_service.idempotency import IdempotencyInProgress, IdempotencyKey, IdempotencyKeyReused, request_hash
from common_service.pagination import Cursor, Cursors, Limit, Page
from common_service.problems import BadCursor, RateLimited
from common_service.rate_limit import RateLimits, limited
from story_service.api.chat.conversation_routes import REPLAYED
from story_service.api.chat.schemas import MessageEdit, MessageOut, PinIn, ReactionIn
from story_service.api.chat.use_cases import ChatUseCases
from story_service.api.problems import ANY_READER, FACES
from story_service.application.attempts import AttemptKey
from story_service.domain import errors
from story_service.domain.chat import errors as refusals
from story_service.domain.chat.ids import ConversationId, MessageId
from story_service.domain.ids import UserId

_EDITED = (
    refusals.MessageUnknown,
    refusals.NotEditable,
    refusals.GenerationRunning,
    errors.InputBlocked,
    errors.ModerationUnavailable,
    IdempotencyKeyReused,
    IdempotencyInProgress,
)
Branch = Annotated[
    Literal["head", "all"], Query(description="The branch that one stands on, or every message in the order of time.")
]


def message_routes(use_cases: ChatUseCases, callers: Callers, cursors: Cursors, limits: RateLimits) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/story/v1", tags=["chat"], dependencies=[SIGNED_IN])
    signed_in = Depends(callers.reader)

    @router.get(
        "/conversations/{conversation_id:uuid}/messages",
        responses=_responses(BadCursor, refusals.ConversationUnknown),
    )
    async def list_messages(
        reader: Annotated[Person, signed_in],
        conversation_id: UUID,
        branch: Branch = "head",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[MessageOut]:
        """Read messages, the newest first: a page costs the same in a conversation of any length."""
        name, where = f"messages {branch} {conversation_id}", ConversationId(conversation_id)
        position, user_id = cursors.read(cursor, of=name), UserId(reader.user_id)
        if branch == "head":
            start = MessageId(UUID(position["id"])) if position else None
            found = await use_cases.read.branch(user_id, where, start=start, most=limit + 1)
        else:
            before = int(position["seq"]) if position else None
            found = await use_cases.read.every_branch(user_id, where, before=before, most=limit + 1)
        following = None
        if len(found) > limit:
            behind = {"id": str(found[limit].message.id)} if branch == "head" else {"seq": found[limit - 1].message.seq}
            following = cursors.make(behind, of=name)
        return Page(items=[MessageOut.of(shown) for shown in found[:limit]], next_cursor=following)

    _add_changes(router, use_cases, callers, limits)
    return router


def _add_changes(router: APIRouter, use_cases: ChatUseCases, callers: Callers, limits: RateLimits) -> None:
    signed_in = Depends(callers.reader)

    @router.patch(
        "/messages/{message_id:uuid}",
        dependencies=[limits.per_user("story.edit_message", callers.reader)],
        responses=limited({200: {"headers": REPLAYED}, **_responses(*_EDITED, RateLimited)}, 200),
    )
    async def edit_message(
        reader: Annotated[Person, signed_in],
        message_id: UUID,
        body: MessageEdit,
        key: IdempotencyKey,
        response: Response,
    ) -> MessageOut:
        """Say something else in the place of one's message: a new branch, on which one stands then."""
        attempt = AttemptKey(key, request_hash({"of": str(message_id), **body.model_dump()}))
        edited = await use_cases.messages.edit(UserId(reader.user_id), MessageId(message_id), body.content, attempt)
        if edited.replayed:
            response.headers["Idempotent-Replayed"] = "true"
        return MessageOut.of(edited.shown)

    @router.delete(
        "/messages/{message_id:uuid}",
        status_code=204,
        responses=_responses(refusals.MessageUnknown, refusals.GenerationRunning),
    )
    async def delete_message(reader: Annotated[Person, signed_in], message_id: UUID) -> None:
        """Take the words of a message away; what follows it stays where it is."""
        await use_cases.messages.delete(UserId(reader.user_id), MessageId(message_id))

    @router.put(
        "/messages/{message_id:uuid}/pin",
        status_code=204,
        responses=_responses(refusals.MessageUnknown, refusals.TooManyPins),
    )
    async def pin_message(reader: Annotated[Person, signed_in], message_id: UUID, body: PinIn) -> None:
        """Have characters told of a message however long ago it was."""
        await use_cases.messages.pin(UserId(reader.user_id), MessageId(message_id), pinned=body.pinned)

    @router.put("/messages/{message_id:uuid}/reaction", status_code=204, responses=_responses(refusals.MessageUnknown))
    async def react_to_message(reader: Annotated[Person, signed_in], message_id: UUID, body: ReactionIn) -> None:
        """Like a message, dislike it, or take that back."""
        await use_cases.messages.react(UserId(reader.user_id), MessageId(message_id), body.value, body.reason)


def _responses(*refused: type[Exception]) -> dict[int | str, dict[str, Any]]:
    return FACES.responses(*ANY_READER, *refused)
