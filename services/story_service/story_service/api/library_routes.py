"""The library: look for a story, and read one."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from common_auth.bearer import SIGNED_IN
from common_auth.callers import Callers, Person
from common_service.pagination import Cursor, Cursors, Limit, Page
from common_service.problems import BadCursor
from story_service.api.library_schemas import (
    LibraryPreview,
    LibraryStoryOut,
    LibrarySummary,
    SortName,
    TruthModeName,
    Words,
)
from story_service.api.problems import ANY_READER, FACES, GATED
from story_service.api.use_cases import UseCases
from story_service.domain import errors
from story_service.domain.ids import StoryId, UserId
from story_service.domain.library import LibraryStory, Position, Shelf, Sort
from story_service.domain.story import TruthMode

_LOCKED = FACES.responses(*ANY_READER, *GATED, errors.StoryUnknown, errors.FullTextLocked)


def library_routes(use_cases: UseCases, callers: Callers, cursors: Cursors) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/story/v1/library", tags=["library"], dependencies=[SIGNED_IN])
    signed_in = Depends(callers.reader)

    @router.get("", responses=FACES.responses(*ANY_READER, BadCursor))
    async def list_library(
        _: Annotated[Person, signed_in],
        q: Annotated[Words | None, Query(description="Words of the title or the synopsis.")] = None,
        truth_mode: TruthModeName | None = None,
        sort: SortName = "newest",
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Page[LibrarySummary]:
        """List house stories and published ones. A cursor goes on in the list that it came with."""
        shelf = Shelf(q, TruthMode(truth_mode) if truth_mode else None, Sort(sort))
        name = f"library {sort} {truth_mode or '-'} {q or ''}"
        position = _position(shelf.sort, cursors.read(cursor, of=name))
        stories = await use_cases.library.page(shelf, after=position, most=limit + 1)
        last = stories[limit - 1] if len(stories) > limit else None
        following = cursors.make(_place(last, shelf.sort), of=name) if last else None
        return Page(items=[LibrarySummary.of(story) for story in stories[:limit]], next_cursor=following)

    @router.get("/{story_id:uuid}", responses=_with_preview(_LOCKED))
    async def read_library_story(reader: Annotated[Person, signed_in], story_id: UUID) -> LibraryStoryOut:
        """Read a story. Without access to the whole text, the refusal carries the preview."""
        reading = await use_cases.library.one(UserId(reader.user_id), StoryId(story_id))
        if not reading.is_whole:
            preview = LibraryPreview.of(reading.story).model_dump(mode="json")
            raise errors.FullTextLocked(preview, reading.plans)
        return LibraryStoryOut.of(reading.story)

    return router


def _place(story: LibraryStory, sort: Sort) -> dict[str, Any]:
    key, story_id = story.position(sort)
    return {"key": key.isoformat() if isinstance(key, datetime) else key, "id": str(story_id)}


def _position(sort: Sort, cursor: dict[str, Any] | None) -> Position | None:
    if cursor is None:
        return None
    key = datetime.fromisoformat(cursor["key"]) if sort is Sort.NEWEST else cursor["key"]
    return key, StoryId(UUID(cursor["id"]))


def _with_preview(responses: dict[int | str, dict[str, Any]]) -> dict[int | str, dict[str, Any]]:
    """Say in the contract that the refusal carries a preview."""
    preview = LibraryPreview.model_json_schema(ref_template="#/components/schemas/{model}")
    preview.pop("$defs", None)
    refusal = {
        "allOf": [{"$ref": "#/components/schemas/Problem"}],
        "type": "object",
        "required": ["preview"],
        "properties": {"preview": preview},
    }
    content = {"application/problem+json": {"schema": refusal}}
    return {**responses, 402: {**responses[402], "content": content}}
