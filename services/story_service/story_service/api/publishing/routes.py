"""Publishing: show a story, take it back, copy one."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from common_auth.bearer import SIGNED_IN
from common_auth.callers import Callers, Person
from common_service.conditional import ETAG
from common_service.idempotency import IdempotencyInProgress, IdempotencyKey, IdempotencyKeyReused, request_hash
from common_service.problems import RateLimited
from common_service.rate_limit import RateLimits, limited
from story_service.api.paid import REPLAYED
from story_service.api.problems import ANY_READER, FACES, GATED
from story_service.api.publishing.schemas import PublishIn
from story_service.api.schemas import StorySummary
from story_service.api.story_tags import tag
from story_service.api.use_cases import UseCases
from story_service.application.attempts import AttemptKey
from story_service.domain import errors
from story_service.domain.ids import StoryId, UserId
from story_service.domain.publishing.publishing import Visibility

_PUBLISHED = (
    errors.StoryUnknown,
    errors.StoryNotReady,
    errors.StoryBeingWritten,
    errors.PublishBlocked,
    errors.VersionConflict,
    errors.SubscriptionRequired,
    errors.PublishLimitReached,
    errors.ModerationUnavailable,
    RateLimited,
    *GATED,
)
_CLONED = (
    errors.StoryUnknown,
    errors.SubscriptionRequired,
    errors.RetentionLimitReached,
    IdempotencyKeyReused,
    IdempotencyInProgress,
    *GATED,
)


def publishing_routes(use_cases: UseCases, callers: Callers, limits: RateLimits) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/story/v1/stories/{story_id:uuid}", tags=["stories"], dependencies=[SIGNED_IN])
    signed_in = Depends(callers.reader)

    @router.post(
        "/publish",
        status_code=202,
        dependencies=[limits.per_user("story.publish_story", callers.reader)],
        responses=limited({202: {"headers": ETAG}, **_responses(*_PUBLISHED)}, 202),
    )
    async def publish_story(
        reader: Annotated[Person, signed_in], story_id: UUID, body: PublishIn, response: Response
    ) -> StorySummary:
        """Show a story to others, once its whole text is moderated. `publish_state` says what became of it."""
        story = await use_cases.publish(UserId(reader.user_id), StoryId(story_id), Visibility(body.visibility))
        tag(response, story)
        return StorySummary.of(story)

    @router.post(
        "/unpublish",
        responses={200: {"headers": ETAG}, **_responses(errors.StoryUnknown, errors.StoryNotPublished)},
    )
    async def unpublish_story(reader: Annotated[Person, signed_in], story_id: UUID, response: Response) -> StorySummary:
        """Take a story back. Copies that others made stay theirs."""
        story = await use_cases.publish.withdraw(UserId(reader.user_id), StoryId(story_id))
        tag(response, story)
        return StorySummary.of(story)

    @router.post("/clone", status_code=201, responses={201: {"headers": {**ETAG, **REPLAYED}}, **_responses(*_CLONED)})
    async def clone_story(
        reader: Annotated[Person, signed_in], story_id: UUID, key: IdempotencyKey, response: Response
    ) -> StorySummary:
        """Make one's own copy of a published story. It names its source, and keeps its label."""
        attempt = AttemptKey(key, request_hash({"story_id": str(story_id)}))
        cloned = await use_cases.clone(UserId(reader.user_id), StoryId(story_id), attempt)
        tag(response, cloned.story)
        if cloned.replayed:
            response.headers["Idempotent-Replayed"] = "true"
        return StorySummary.of(cloned.story)

    return router


def _responses(*refusals: type[Exception]) -> dict[int | str, dict[str, Any]]:
    return FACES.responses(*ANY_READER, *refusals)
