"""Going on with one's own stories."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from common_auth.bearer import SIGNED_IN
from common_auth.callers import Callers, Person
from common_service.draining import Drain
from common_service.idempotency import IdempotencyKey, request_hash
from common_service.rate_limit import RateLimits, limited
from story_service.api.continuing.schemas import ContinuedOut, ContinueIn
from story_service.api.paid import PAID, REPLAYED, replay
from story_service.api.problems import ANY_READER, FACES, GATED
from story_service.api.streams import EVENTS, MEDIA_TYPE, event_stream
from story_service.api.use_cases import UseCases
from story_service.application.accept_generations import Call
from story_service.application.attempts import AttemptKey
from story_service.domain import errors
from story_service.domain.ids import StoryId, UserId

_REFUSED = (
    *PAID,
    *GATED,
    errors.StoryUnknown,
    errors.StoryNotReady,
    errors.StoryIsPublished,
    errors.StoryBeingWritten,
    errors.StoryTooLong,
    errors.SpanOutside,
    errors.VersionConflict,
)
_ACCEPTED = {"description": "Accepted; the events tell the rest.", "headers": REPLAYED}


def continuation_routes(use_cases: UseCases, callers: Callers, limits: RateLimits, drain: Drain) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/story/v1/stories/{story_id:uuid}", tags=["stories"], dependencies=[SIGNED_IN])
    signed_in = Depends(callers.reader)
    often = limits.per_user("story.continue_story", callers.reader)
    responses = limited({**EVENTS, 202: _ACCEPTED, **FACES.responses(*ANY_READER, *_REFUSED)}, 200, 202)

    @router.post("/continue", status_code=202, dependencies=[often], response_model=ContinuedOut, responses=responses)
    async def continue_story(
        request: Request,
        reader: Annotated[Person, signed_in],
        story_id: UUID,
        body: ContinueIn,
        key: IdempotencyKey,
    ) -> Response:
        """Have a story go on, or a part of it written anew. Until the end of that nobody can change the text.

        With `Accept: text/event-stream` this answer itself carries the events.
        """
        user_id = UserId(reader.user_id)
        attempt = AttemptKey(key, request_hash({**body.model_dump(), "story_id": str(story_id)}))
        call = Call(user_id, body.model, body.max_price)
        accepted = await use_cases.go_on(call, StoryId(story_id), body.wish(), attempt)
        if MEDIA_TYPE in request.headers.get("accept", ""):
            [generation] = accepted.generations
            followed = await use_cases.follow.check(user_id, generation.id) if accepted.replayed else generation
            return event_stream(use_cases.follow(followed, 0), drain, replay(accepted.replayed))
        return JSONResponse(ContinuedOut.of(accepted).model_dump(mode="json"), 202, replay(accepted.replayed))

    return router
