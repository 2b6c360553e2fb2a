"""Case files: the archive that a reader may open, and one's own files."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from common_auth.bearer import SIGNED_IN
from common_auth.callers import Callers, Person
from common_service.conditional import CACHEABLE, ETAG, IF_MATCH, IfNoneMatch, SeenVersion, conditional, tag
from common_service.idempotency import IdempotencyInProgress, IdempotencyKey, IdempotencyKeyReused, request_hash
from common_service.pagination import Cursor, Cursors, Limit, Page
from common_service.problems import BadCursor, PreconditionRequired, RateLimited
from common_service.rate_limit import RateLimits, limited
from story_service.api.cases.schemas import CaseIn, CasePatch
from story_service.api.cases.views import CaseOut, CaseSummary
from story_service.api.problems import ANY_READER, FACES, GATED
from story_service.api.schemas import Wire
from story_service.application.attempts import AttemptKey
from story_service.application.cases.own_cases import MAKE, Answer, Attempt, OwnCases
from story_service.application.cases.ports import CasePage, Whose
from story_service.application.cases.read_cases import ReadCases
from story_service.application.cases.read_citations import ReadCitations
from story_service.application.ports import Clock, NewId
from story_service.domain import errors
from story_service.domain.cases import errors as refusals
from story_service.domain.cases.case_file import CaseFile
from story_service.domain.ids import UserId

ADMITTED = (errors.InputBlocked, errors.ModerationUnavailable, refusals.GuiltNotEstablished)
ONCE = (IdempotencyKeyReused, IdempotencyInProgress)
OWNED = (refusals.CaseUnknown, errors.NotTheOwner)
REPLAYED = {"Idempotent-Replayed": {"schema": {"type": "string", "enum": ["true"]}}}
_MADE = (*ADMITTED, *GATED, *ONCE, errors.SubscriptionRequired, errors.CaseLimitReached)
_EDITED = (*OWNED, *ADMITTED, refusals.ProtectedPersonNamed, errors.VersionConflict, PreconditionRequired)
WhoseName = Annotated[Literal["house", "public", "own"] | None, Query(description="One part of the archive only.")]


@dataclass(frozen=True, slots=True)
class CaseUseCases:
    """What the routes can do."""

    read: ReadCases
    own: OwnCases
    citations: ReadCitations
    now: Clock
    new_id: NewId


def case_routes(use_cases: CaseUseCases, callers: Callers, cursors: Cursors, limits: RateLimits) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/story/v1/cases", tags=["cases"], dependencies=[SIGNED_IN])
    signed_in = Depends(callers.reader)

    @router.get("", responses=responses(BadCursor))
    async def list_cases(
        reader: Annotated[Person, signed_in], whose: WhoseName = None, limit: Limit = 20, cursor: Cursor = None
    ) -> Page[CaseSummary]:
        """List cases of the house, public ones and one's own, the newest first."""
        user_id, name = UserId(reader.user_id), f"cases {whose or '-'}"
        part = Whose(whose) if whose else None
        wanted = CasePage(user_id, part, _position(cursors.read(cursor, of=name)), limit + 1)
        found = await use_cases.read.page(wanted)
        last = found[limit - 1] if len(found) > limit else None
        following = cursors.make({"at": last.created_at.isoformat(), "id": str(last.id)}, of=name) if last else None
        return Page(items=[CaseSummary.of(head, user_id) for head in found[:limit]], next_cursor=following)

    @router.get("/{case_id:uuid}", response_model=CaseOut, responses={**CACHEABLE, **responses(refusals.CaseUnknown)})
    async def read_case(
        reader: Annotated[Person, signed_in], case_id: UUID, if_none_match: IfNoneMatch = None
    ) -> Response:
        """Read a case with its persons, facts, sources and timeline."""
        user_id = UserId(reader.user_id)
        file = await use_cases.read.one(user_id, case_id)
        document = CaseOut.of_file(file, user_id).model_dump_json().encode()
        return conditional(document, str(file.head.version), if_none_match)

    _add_changes(router, use_cases, callers, limits)
    return router


def _add_changes(router: APIRouter, use_cases: CaseUseCases, callers: Callers, limits: RateLimits) -> None:
    signed_in = Depends(callers.reader)

    @router.post(
        "",
        status_code=201,
        dependencies=[limits.per_user("story.create_case", callers.reader)],
        response_model=CaseOut,
        responses=written(201, *_MADE, headers={**ETAG, **REPLAYED}),
    )
    async def create_case(reader: Annotated[Person, signed_in], body: CaseIn, key: IdempotencyKey) -> Response:
        """Open a case file. Its truth mode cannot be changed."""
        user_id = UserId(reader.user_id)
        head = body.head(use_cases.new_id(), user_id, use_cases.now())
        attempt = Attempt(MAKE, AttemptKey(key, request_hash(body.model_dump())), shown(user_id))
        return created(await use_cases.own.make(head, attempt), CaseOut)

    @router.patch(
        "/{case_id:uuid}",
        dependencies=[limits.per_user("story.edit_case", callers.reader)],
        responses=written(200, *_EDITED, headers=ETAG),
        openapi_extra=IF_MATCH,
    )
    async def edit_case(
        reader: Annotated[Person, signed_in], case_id: UUID, version: SeenVersion, body: CasePatch, response: Response
    ) -> CaseOut:
        """Change what stands on the cover of one's own file; what is absent stays."""
        user_id = UserId(reader.user_id)
        file = await use_cases.own.edit(user_id, case_id, body.apply, version=version)
        tag(response, file.head.version)
        return CaseOut.of_file(file, user_id)

    @router.delete(
        "/{case_id:uuid}",
        status_code=204,
        dependencies=[limits.per_user("story.delete_case", callers.reader)],
        responses=written(204, *OWNED, refusals.CaseHasPublishedStories),
    )
    async def delete_case(reader: Annotated[Person, signed_in], case_id: UUID) -> None:
        """Delete one's own file, unless published stories rest on it."""
        await use_cases.own.delete(UserId(reader.user_id), case_id)


def shown(user_id: UserId) -> Callable[[CaseFile], dict[str, Any]]:
    """Return how a file is shown to its owner."""
    return lambda file: CaseOut.of_file(file, user_id).model_dump(mode="json")


def created(answer: Answer, kind: type[Wire]) -> Response:
    """Return what was made, and whether this is its second answer: the same to the byte, whatever kept it between."""
    headers = {"Idempotent-Replayed": "true"} if answer.replayed else {}
    if "version" in answer.body:
        headers["ETag"] = f'"{answer.body["version"]}"'
    return Response(kind.model_validate(answer.body).model_dump_json(), 201, headers, "application/json")


def responses(*kinds: type[Exception]) -> dict[int | str, dict[str, Any]]:
    """Return the responses of a route for readers."""
    return FACES.responses(*ANY_READER, *kinds)


def written(
    success: int, *kinds: type[Exception], headers: dict[str, Any] | None = None
) -> dict[int | str, dict[str, Any]]:
    """Return the responses of a route that changes a file, which nobody may do too often."""
    made: dict[int | str, dict[str, Any]] = {success: {"headers": headers}} if headers else {}
    if success == 204:
        made = {204: {"description": "It is done."}}
    return limited({**made, **responses(*kinds, RateLimited)}, success)


def _position(cursor: dict[str, Any] | None) -> tuple[datetime, UUID] | None:
    return (datetime.fromisoformat(cursor["at"]), UUID(cursor["id"])) if cursor else None
