"""Conversations: begin, list, read, change, fork, delete."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from common_auth.bearer import SIGNED_IN
from common_auth.callers import Callers, Person
from common_service.conditional import ETAG, IF_MATCH, SeenVersion, tag
from common_service.idempotency import IdempotencyInProgress, IdempotencyKey, IdempotencyKeyReused, request_hash
from common_service.pagination import Cursor, Cursors, Limit, Page
from common_service.problems import BadCursor, PreconditionRequired
from story_service.api.chat.schemas import (
    ConversationIn,
    ConversationOut,
    ConversationPatch,
    ForkIn,
    HeadIn,
    SuggestionsOut,
)
from story_service.api.chat.use_cases import ChatUseCases
from story_service.api.problems import ANY_READER, FACES, GATED
from story_service.application.attempts import AttemptKey
from story_service.application.chat.open_conversation import Opened
from story_service.application.chat.ports import ConversationFilter
from story_service.domain import errors
from story_service.domain.cases.errors import CaseUnknown
from story_service.domain.chat import errors as refusals
from story_service.domain.chat.ids import ConversationId, MessageId
from story_service.domain.ids import UserId

_KEYED: tuple[type[Exception], ...] = (IdempotencyKeyReused, IdempotencyInProgress)
_OPENED: tuple[type[Exception], ...] = (*_KEYED, *GATED, errors.SubscriptionRequired, errors.QuotaExceeded)
_FORKED: tuple[type[Exception], ...] = (
    *_OPENED,
    refusals.ConversationUnknown,
    refusals.NotInConversation,
    refusals.GenerationRunning,
)
_EDITED = (refusals.ConversationUnknown, errors.CharacterUnknown, errors.VersionConflict, PreconditionRequired)
_MOVED = (refusals.ConversationUnknown, refusals.NotInConversation, refusals.GenerationRunning)
REPLAYED = {"Idempotent-Replayed": {"schema": {"type": "string", "enum": ["true"]}}}
Archived = Annotated[bool, Query(description="The archived ones instead of the others.")]
Words = Annotated[
    str | None, Query(min_length=1, max_length=120, pattern=r"^[^\x00]*$", description="Part of the title.")
]


def conversation_routes(use_cases: ChatUseCases, callers: Callers, cursors: Cursors) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/story/v1/conversations", tags=["chat"], dependencies=[SIGNED_IN])
    signed_in = Depends(callers.reader)

    @router.get("", responses=_responses(BadCursor))
    async def list_conversations(
        reader: Annotated[Person, signed_in],
        archived: Archived = False,
        q: Words = None,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Page[ConversationOut]:
        """List one's conversations, the last used first; temporary ones are not listed."""
        name = f"conversations {archived} {q or '-'}"
        found = await use_cases.read.page(
            UserId(reader.user_id),
            ConversationFilter(archived, q),
            before=_position(cursors.read(cursor, of=name)),
            most=limit + 1,
        )
        last = found[limit - 1] if len(found) > limit else None
        following = cursors.make({"at": last.active_at.isoformat(), "id": str(last.id)}, of=name) if last else None
        return Page(items=[ConversationOut.of(one) for one in found[:limit]], next_cursor=following)

    @router.get("/{conversation_id:uuid}", responses=_tagged(refusals.ConversationUnknown))
    async def read_conversation(
        reader: Annotated[Person, signed_in], conversation_id: UUID, response: Response
    ) -> ConversationOut:
        """Read one's conversation, without its messages."""
        conversation = await use_cases.read.one(UserId(reader.user_id), ConversationId(conversation_id))
        tag(response, conversation.version)
        return ConversationOut.of(conversation)

    @router.get("/{conversation_id:uuid}/suggestions", responses=_responses(refusals.ConversationUnknown))
    async def read_suggestions(reader: Annotated[Person, signed_in], conversation_id: UUID) -> SuggestionsOut:
        """Read what the last reply suggests to ask next; it was written with the reply and costs nothing."""
        found = await use_cases.read.suggestions(UserId(reader.user_id), ConversationId(conversation_id))
        return SuggestionsOut(suggestions=list(found))

    _add_beginnings(router, use_cases, callers)
    _add_changes(router, use_cases, callers)
    return router


def _add_beginnings(router: APIRouter, use_cases: ChatUseCases, callers: Callers) -> None:
    signed_in = Depends(callers.reader)

    @router.post("", status_code=201, responses=_made(*_OPENED, errors.CharacterUnknown, CaseUnknown))
    async def open_conversation(
        reader: Annotated[Person, signed_in], body: ConversationIn, key: IdempotencyKey, response: Response
    ) -> ConversationOut:
        """Begin a conversation with one character, or with a group of up to five."""
        attempt = AttemptKey(key, request_hash(body.model_dump()))
        return _begun(await use_cases.open(UserId(reader.user_id), body.wish(), attempt), response)

    @router.post("/{conversation_id:uuid}/fork", status_code=201, responses=_made(*_FORKED))
    async def fork_conversation(
        reader: Annotated[Person, signed_in],
        conversation_id: UUID,
        body: ForkIn,
        key: IdempotencyKey,
        response: Response,
    ) -> ConversationOut:
        """Copy a branch into a conversation of its own."""
        attempt = AttemptKey(key, request_hash({"of": str(conversation_id), **body.model_dump()}))
        upto = MessageId(body.message_id) if body.message_id else None
        source = ConversationId(conversation_id)
        return _begun(await use_cases.open.fork(UserId(reader.user_id), source, upto, body.title, attempt), response)


def _add_changes(router: APIRouter, use_cases: ChatUseCases, callers: Callers) -> None:
    signed_in = Depends(callers.reader)

    @router.patch("/{conversation_id:uuid}", responses=_tagged(*_EDITED), openapi_extra=IF_MATCH)
    async def edit_conversation(
        reader: Annotated[Person, signed_in],
        conversation_id: UUID,
        version: SeenVersion,
        body: ConversationPatch,
        response: Response,
    ) -> ConversationOut:
        """Rename, archive, or seat others; what is absent stays."""
        user_id, change = UserId(reader.user_id), use_cases.change
        edited = await change.edit(user_id, ConversationId(conversation_id), body.edit(), version=version)
        tag(response, edited.version)
        return ConversationOut.of(edited)

    @router.put("/{conversation_id:uuid}/head", responses=_responses(*_MOVED))
    async def move_head(reader: Annotated[Person, signed_in], conversation_id: UUID, body: HeadIn) -> ConversationOut:
        """Stand at another message: switch branches, undo, redo."""
        user_id, there = UserId(reader.user_id), MessageId(body.message_id)
        return ConversationOut.of(await use_cases.change.move_head(user_id, ConversationId(conversation_id), there))

    @router.delete("/{conversation_id:uuid}", status_code=204, responses=_responses(refusals.ConversationUnknown))
    async def delete_conversation(reader: Annotated[Person, signed_in], conversation_id: UUID) -> None:
        """Delete a conversation; its messages are gone for good 30 days later."""
        await use_cases.change.delete(UserId(reader.user_id), ConversationId(conversation_id))


def _begun(opened: Opened, response: Response) -> ConversationOut:
    tag(response, opened.conversation.version)
    if opened.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return ConversationOut.of(opened.conversation)


def _position(cursor: dict[str, Any] | None) -> tuple[datetime, UUID] | None:
    return (datetime.fromisoformat(cursor["at"]), UUID(cursor["id"])) if cursor else None


def _made(*refused: type[Exception]) -> dict[int | str, dict[str, Any]]:
    return {201: {"headers": {**ETAG, **REPLAYED}}, **_responses(*refused)}


def _tagged(*refused: type[Exception]) -> dict[int | str, dict[str, Any]]:
    return {200: {"headers": ETAG}, **_responses(*refused)}


def _responses(*refused: type[Exception]) -> dict[int | str, dict[str, Any]]:
    return FACES.responses(*ANY_READER, *refused)
