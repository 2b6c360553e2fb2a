"""Memories: what a reader wants remembered."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from common_auth.bearer import SIGNED_IN
from common_auth.callers import Callers, Person
from common_service.idempotency import IdempotencyInProgress, IdempotencyKey, IdempotencyKeyReused, request_hash
from common_service.pagination import Cursor, Cursors, Limit, Page
from common_service.problems import BadCursor, RateLimited
from common_service.rate_limit import RateLimits, limited
from story_service.api.chat.conversation_routes import REPLAYED
from story_service.api.chat.memory_schemas import MemoryIn, MemoryOut, MemoryPatch, ScopeName
from story_service.api.chat.use_cases import ChatUseCases
from story_service.api.problems import ANY_READER, FACES, GATED
from story_service.application.attempts import AttemptKey
from story_service.domain import errors
from story_service.domain.cases.errors import CaseUnknown
from story_service.domain.chat import errors as refusals
from story_service.domain.chat.ids import ConversationId, MemoryId
from story_service.domain.chat.memory import Scope
from story_service.domain.ids import UserId

_ADMITTED = (errors.InputBlocked, errors.ModerationUnavailable)
_MADE = (
    *_ADMITTED,
    *GATED,
    errors.SubscriptionRequired,
    refusals.MemoryLimitReached,
    refusals.ConversationUnknown,
    CaseUnknown,
    IdempotencyKeyReused,
    IdempotencyInProgress,
)
ScopeId = Annotated[UUID | None, Query(description="Those of one conversation, or of one case.")]


def memory_routes(use_cases: ChatUseCases, callers: Callers, cursors: Cursors, limits: RateLimits) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/story/v1/memories", tags=["chat"], dependencies=[SIGNED_IN])
    signed_in = Depends(callers.reader)

    @router.get("", responses=_responses(BadCursor))
    async def list_memories(
        reader: Annotated[Person, signed_in],
        scope: ScopeName | None = None,
        scope_id: ScopeId = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[MemoryOut]:
        """List one's memories, the newest first."""
        name = f"memories {scope or '-'} {scope_id or '-'}"
        found = await use_cases.memories.page(
            UserId(reader.user_id),
            Scope(scope) if scope else None,
            scope_id,
            before=_position(cursors.read(cursor, of=name)),
            most=limit + 1,
        )
        last = found[limit - 1] if len(found) > limit else None
        following = cursors.make({"at": last.created_at.isoformat(), "id": str(last.id)}, of=name) if last else None
        return Page(items=[MemoryOut.of(memory) for memory in found[:limit]], next_cursor=following)

    _add_changes(router, use_cases, callers, limits)
    return router


def _add_changes(router: APIRouter, use_cases: ChatUseCases, callers: Callers, limits: RateLimits) -> None:
    signed_in = Depends(callers.reader)

    @router.post(
        "",
        status_code=201,
        dependencies=[limits.per_user("story.create_memory", callers.reader)],
        responses=limited({201: {"headers": REPLAYED}, **_responses(*_MADE, RateLimited)}, 201),
    )
    async def create_memory(
        reader: Annotated[Person, signed_in], body: MemoryIn, key: IdempotencyKey, response: Response
    ) -> MemoryOut:
        """Have something remembered; it is moderated, as a model will read it."""
        where = ConversationId(body.conversation_id) if body.conversation_id else None
        attempt = AttemptKey(key, request_hash(body.model_dump()))
        made = await use_cases.memories.make(UserId(reader.user_id), where, body.note(), attempt, case_id=body.case_id)
        if made.replayed:
            response.headers["Idempotent-Replayed"] = "true"
        return MemoryOut.of(made.memory)

    @router.patch(
        "/{memory_id:uuid}",
        dependencies=[limits.per_user("story.edit_memory", callers.reader)],
        responses=limited(_responses(refusals.MemoryUnknown, *_ADMITTED, RateLimited), 200),
    )
    async def edit_memory(reader: Annotated[Person, signed_in], memory_id: UUID, body: MemoryPatch) -> MemoryOut:
        """Change a memory; what is absent stays."""
        edited = await use_cases.memories.edit(UserId(reader.user_id), MemoryId(memory_id), body.apply)
        return MemoryOut.of(edited)

    @router.delete("/{memory_id:uuid}", status_code=204, responses=_responses(refusals.MemoryUnknown))
    async def delete_memory(reader: Annotated[Person, signed_in], memory_id: UUID) -> None:
        """Forget something."""
        await use_cases.memories.delete(UserId(reader.user_id), MemoryId(memory_id))


def _position(cursor: dict[str, Any] | None) -> tuple[datetime, UUID] | None:
    return (datetime.fromisoformat(cursor["at"]), UUID(cursor["id"])) if cursor else None


def _responses(*refused: type[Exception]) -> dict[int | str, dict[str, Any]]:
    return FACES.responses(*ANY_READER, *refused)
