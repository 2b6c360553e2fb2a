"""Changes of one's own stories: edit, look back, undo and redo."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response

from common_auth.bearer import SIGNED_IN
from common_auth.callers import Callers, Person
from common_service.conditional import ETAG, IF_MATCH, SeenVersion
from common_service.problems import PreconditionRequired
from story_service.api.problems import ANY_READER, FACES
from story_service.api.revisions.schemas import RevisionOut, RevisionsOut, StoryPatch
from story_service.api.schemas import StoryOut
from story_service.api.story_tags import tag
from story_service.api.use_cases import UseCases
from story_service.domain import errors
from story_service.domain.ids import StoryId, UserId

_LARGEST_VERSION = 2**31 - 1
_CHANGED = (
    errors.StoryUnknown,
    errors.StoryNotReady,
    errors.StoryIsPublished,
    errors.StoryBeingWritten,
    errors.VersionConflict,
    PreconditionRequired,
)
RevisionNumber = Annotated[int, Path(ge=1, le=_LARGEST_VERSION)]


def revision_routes(use_cases: UseCases, callers: Callers) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/story/v1/stories/{story_id:uuid}", tags=["stories"], dependencies=[SIGNED_IN])
    signed_in = Depends(callers.reader)
    revise = use_cases.revise

    @router.patch("", responses=_tagged(*_CHANGED), openapi_extra=IF_MATCH)
    async def edit_story(
        reader: Annotated[Person, signed_in], story_id: UUID, version: SeenVersion, body: StoryPatch, response: Response
    ) -> StoryOut:
        """Change title or text. The text before it is kept; the new one is judged when it is to be published."""
        user_id, wanted = UserId(reader.user_id), body.model_dump()
        story = await revise.edit(user_id, StoryId(story_id), **wanted, version=version)
        tag(response, story)
        return StoryOut.of(story)

    @router.get("/revisions", responses=FACES.responses(*ANY_READER, errors.StoryUnknown))
    async def list_revisions(reader: Annotated[Person, signed_in], story_id: UUID) -> RevisionsOut:
        """List the texts of a story, the one that it has first."""
        found = await revise.revisions(UserId(reader.user_id), StoryId(story_id))
        return RevisionsOut(items=[RevisionOut.of(one, is_current=one is found[0]) for one in found])

    @router.post(
        "/revisions/{revision}/restore",
        responses=_tagged(*_CHANGED, errors.RevisionUnknown),
        openapi_extra=IF_MATCH,
    )
    async def restore_revision(
        reader: Annotated[Person, signed_in],
        story_id: UUID,
        revision: RevisionNumber,
        version: SeenVersion,
        response: Response,
    ) -> StoryOut:
        """Undo, or redo: bring the text of a revision back, as a new one."""
        story = await revise.restore(UserId(reader.user_id), StoryId(story_id), revision, version=version)
        tag(response, story)
        return StoryOut.of(story)

    return router


def _tagged(*refusals: type[Exception]) -> dict[int | str, dict[str, Any]]:
    return {200: {"headers": ETAG}, **FACES.responses(*ANY_READER, *refusals)}
