"""Stories: ask for one, list, read, delete."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from common_auth.bearer import SIGNED_IN
from common_auth.callers import Callers, Person
from common_service.conditional import CACHEABLE, IfNoneMatch, conditional
from common_service.draining import Drain
from common_service.idempotency import IdempotencyKey, request_hash
from common_service.pagination import Cursor, Cursors, Limit, Page
from common_service.rate_limit import RateLimits, limited
from story_service.api.paid import PAID, REPLAYED, replay
from story_service.api.problems import ANY_READER, FACES, GATED
from story_service.api.schemas import AcceptedOut, StoryIn, StoryOut, StorySummary
from story_service.api.story_tags import tag_of
from story_service.api.streams import EVENTS, MEDIA_TYPE, event_stream
from story_service.api.use_cases import UseCases
from story_service.application.attempts import AttemptKey
from story_service.application.generate_story import AcceptedStory
from story_service.domain import errors
from story_service.domain.cases.errors import CaseUnknown, TruthModeUnfit
from story_service.domain.ids import StoryId, UserId
from story_service.domain.story import Story

_UNMET = (errors.CharacterUnknown, CaseUnknown, TruthModeUnfit)


def story_routes(
    use_cases: UseCases, callers: Callers, cursors: Cursors, limits: RateLimits, drain: Drain
) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/story/v1/stories", tags=["stories"], dependencies=[SIGNED_IN])
    _add_writing(router, use_cases, callers, limits, drain)
    _add_reading(router, use_cases, callers, cursors)
    _add_deleting(router, use_cases, callers)
    return router


def _add_writing(router: APIRouter, use_cases: UseCases, callers: Callers, limits: RateLimits, drain: Drain) -> None:
    signed_in = Depends(callers.reader)
    often = limits.per_user("story.create_story", callers.reader)

    @router.post("", status_code=202, dependencies=[often], response_model=AcceptedOut, responses=_accepted())
    async def create_story(
        request: Request, reader: Annotated[Person, signed_in], body: StoryIn, key: IdempotencyKey
    ) -> Response:
        """Have a story written. The same key and body give the same story, charged once.

        With `Accept: text/event-stream` this answer itself carries the events.
        """
        user_id = UserId(reader.user_id)
        accepted = await use_cases.generate(body.ask(user_id), AttemptKey(key, request_hash(body.model_dump())))
        if MEDIA_TYPE in request.headers.get("accept", ""):
            return await _streamed(use_cases, drain, user_id, accepted)
        document = AcceptedOut.of(accepted).model_dump(mode="json")
        return JSONResponse(document, 202, replay(accepted.replayed))


def _add_reading(router: APIRouter, use_cases: UseCases, callers: Callers, cursors: Cursors) -> None:
    signed_in = Depends(callers.reader)

    @router.get("", responses=_responses())
    async def list_stories(
        reader: Annotated[Person, signed_in], limit: Limit = 20, cursor: Cursor = None
    ) -> Page[StorySummary]:
        """List one's own stories, newest first."""
        stories = await use_cases.stories.page(
            UserId(reader.user_id), before=_position(cursors.read(cursor)), most=limit + 1
        )
        more = len(stories) > limit
        last = stories[limit - 1] if more else None
        following = cursors.make({"at": last.created_at.isoformat(), "id": str(last.id)}) if last else None
        return Page(items=[StorySummary.of(story) for story in stories[:limit]], next_cursor=following)

    @router.get("/latest", response_model=StoryOut, responses=_read())
    async def latest_story(reader: Annotated[Person, signed_in], if_none_match: IfNoneMatch = None) -> Response:
        """Read one's most recent story."""
        return _shown(await use_cases.stories.latest(UserId(reader.user_id)), if_none_match)

    @router.get("/{story_id:uuid}", response_model=StoryOut, responses=_read())
    async def read_story(
        reader: Annotated[Person, signed_in], story_id: UUID, if_none_match: IfNoneMatch = None
    ) -> Response:
        """Read one of one's own stories."""
        return _shown(await use_cases.stories.one(UserId(reader.user_id), StoryId(story_id)), if_none_match)


def _add_deleting(router: APIRouter, use_cases: UseCases, callers: Callers) -> None:
    signed_in = Depends(callers.reader)

    @router.delete("/{story_id:uuid}", status_code=204, responses=_responses(errors.StoryUnknown))
    async def delete_story(reader: Annotated[Person, signed_in], story_id: UUID) -> None:
        """Delete one of one's own stories."""
        await use_cases.delete(UserId(reader.user_id), StoryId(story_id))


async def _streamed(use_cases: UseCases, drain: Drain, user_id: UserId, accepted: AcceptedStory) -> Response:
    generation = accepted.generation
    followed = await use_cases.follow.check(user_id, generation.id) if accepted.replayed else generation
    return event_stream(use_cases.follow(followed, 0), drain, replay(accepted.replayed))


def _shown(story: Story, if_none_match: str | None) -> Response:
    return conditional(StoryOut.of(story).model_dump_json().encode(), tag_of(story), if_none_match)


def _position(cursor: dict[str, Any] | None) -> tuple[datetime, UUID] | None:
    return (datetime.fromisoformat(cursor["at"]), UUID(cursor["id"])) if cursor else None


def _responses(*refusals: type[Exception]) -> dict[int | str, dict[str, Any]]:
    return FACES.responses(*ANY_READER, *refusals)


def _read() -> dict[int | str, dict[str, Any]]:
    return CACHEABLE | _responses(errors.StoryUnknown)


def _accepted() -> dict[int | str, dict[str, Any]]:
    accepted = {"description": "Accepted; the events tell the rest.", "headers": REPLAYED}
    return limited(
        {**EVENTS, 202: accepted, **_responses(*PAID, *GATED, *_UNMET)},
        200,
        202,
    )
