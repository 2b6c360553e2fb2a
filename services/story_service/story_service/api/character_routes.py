"""Characters: the cast that a reader may meet, and one's own."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from common_auth.bearer import SIGNED_IN
from common_auth.callers import Callers, Person
from common_service.conditional import ETAG, IF_MATCH, SeenVersion, tag
from common_service.idempotency import IdempotencyInProgress, IdempotencyKey, IdempotencyKeyReused, request_hash
from common_service.pagination import Cursor, Cursors, Limit, Page
from common_service.problems import BadCursor, PreconditionRequired, RateLimited
from common_service.rate_limit import RateLimits, limited
from story_service.api.character_schemas import CharacterIn, CharacterOut, CharacterPatch
from story_service.api.problems import ANY_READER, FACES, GATED
from story_service.api.use_cases import UseCases
from story_service.application.attempts import AttemptKey
from story_service.application.character_ports import Whose
from story_service.domain import errors
from story_service.domain.character import Visibility
from story_service.domain.ids import CharacterId, UserId

_ADMITTED = (errors.RealPersonRefused, errors.InputBlocked, errors.ModerationUnavailable)
_MADE = (
    *_ADMITTED,
    *GATED,
    errors.SubscriptionRequired,
    errors.CharacterLimitReached,
    IdempotencyKeyReused,
    IdempotencyInProgress,
    RateLimited,
)
_OWNED = (errors.CharacterUnknown, errors.NotTheOwner)
_EDITED = (*_OWNED, *_ADMITTED, errors.VersionConflict, PreconditionRequired, RateLimited)
_REPLAYED = {"Idempotent-Replayed": {"schema": {"type": "string", "enum": ["true"]}}}
WhoseName = Annotated[Literal["house", "public", "own"] | None, Query(description="One part of the cast only.")]


def character_routes(use_cases: UseCases, callers: Callers, cursors: Cursors, limits: RateLimits) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/story/v1/characters", tags=["characters"], dependencies=[SIGNED_IN])
    signed_in = Depends(callers.reader)

    @router.get("", responses=_responses(BadCursor))
    async def list_characters(
        reader: Annotated[Person, signed_in], whose: WhoseName = None, limit: Limit = 20, cursor: Cursor = None
    ) -> Page[CharacterOut]:
        """List characters of the house, public ones and one's own, the newest first."""
        user_id, name = UserId(reader.user_id), f"characters {whose or '-'}"
        before = _position(cursors.read(cursor, of=name))
        part = Whose(whose) if whose else None
        found = await use_cases.characters.page(user_id, part, before=before, most=limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        following = cursors.make({"at": last.created_at.isoformat(), "id": str(last.id)}, of=name) if last else None
        return Page(items=[CharacterOut.of(one, user_id) for one in found[:limit]], next_cursor=following)

    @router.get("/{character_id:uuid}", responses=_tagged(errors.CharacterUnknown))
    async def read_character(
        reader: Annotated[Person, signed_in], character_id: UUID, response: Response
    ) -> CharacterOut:
        """Read a character that one may meet."""
        user_id = UserId(reader.user_id)
        character = await use_cases.characters.one(user_id, CharacterId(character_id))
        tag(response, character.version)
        return CharacterOut.of(character, user_id)

    _add_changes(router, use_cases, callers, limits)
    return router


def _add_changes(router: APIRouter, use_cases: UseCases, callers: Callers, limits: RateLimits) -> None:
    signed_in = Depends(callers.reader)
    may_create, may_edit, may_delete = (
        [limits.per_user(f"story.{verb}_character", callers.reader)] for verb in ("create", "edit", "delete")
    )

    @router.post("", status_code=201, dependencies=may_create, responses=_made())
    async def create_character(
        reader: Annotated[Person, signed_in], body: CharacterIn, key: IdempotencyKey, response: Response
    ) -> CharacterOut:
        """Invent a character. Who is real is refused; whatever is written is moderated before it is kept."""
        user_id, attempt = UserId(reader.user_id), AttemptKey(key, request_hash(body.model_dump()))
        made = await use_cases.own_characters.make(user_id, body.persona(), Visibility(body.visibility), attempt)
        tag(response, made.character.version)
        if made.replayed:
            response.headers["Idempotent-Replayed"] = "true"
        return CharacterOut.of(made.character, user_id)

    @router.patch(
        "/{character_id:uuid}",
        dependencies=may_edit,
        responses=limited(_tagged(*_EDITED), 200),
        openapi_extra=IF_MATCH,
    )
    async def edit_character(
        reader: Annotated[Person, signed_in],
        character_id: UUID,
        version: SeenVersion,
        body: CharacterPatch,
        response: Response,
    ) -> CharacterOut:
        """Change one's own character; what is absent stays."""
        user_id, own = UserId(reader.user_id), use_cases.own_characters
        character = await own.edit(user_id, CharacterId(character_id), body.apply, version=version)
        tag(response, character.version)
        return CharacterOut.of(character, user_id)

    @router.delete(
        "/{character_id:uuid}",
        status_code=204,
        dependencies=may_delete,
        responses=limited({204: {"description": "It is gone."}, **_responses(*_OWNED, RateLimited)}, 204),
    )
    async def delete_character(reader: Annotated[Person, signed_in], character_id: UUID) -> None:
        """Delete one's own character."""
        await use_cases.own_characters.delete(UserId(reader.user_id), CharacterId(character_id))


def _position(cursor: dict[str, Any] | None) -> tuple[datetime, UUID] | None:
    return (datetime.fromisoformat(cursor["at"]), UUID(cursor["id"])) if cursor else None


def _made() -> dict[int | str, dict[str, Any]]:
    return limited({201: {"headers": {**ETAG, **_REPLAYED}}, **_responses(*_MADE)}, 201)


def _tagged(*refusals: type[Exception]) -> dict[int | str, dict[str, Any]]:
    return {200: {"headers": ETAG}, **_responses(*refusals)}


def _responses(*refusals: type[Exception]) -> dict[int | str, dict[str, Any]]:
    return FACES.responses(*ANY_READER, *refusals)
