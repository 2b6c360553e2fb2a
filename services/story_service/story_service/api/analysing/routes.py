"""Analyses of one's own stories."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse

from common_auth.bearer import SIGNED_IN
from common_auth.callers import Callers, Person
from common_service.idempotency import IdempotencyKey, request_hash
from common_service.rate_limit import RateLimits, limited
from story_service.api.analysing.schemas import (
    AnalyseIn,
    AnalysesOut,
    AnalysisKindName,
    AnalysisOut,
    AnsweredOut,
    CharactersOut,
)
from story_service.api.paid import PAID, REPLAYED, replay
from story_service.api.problems import ANY_READER, FACES, GATED
from story_service.api.use_cases import UseCases
from story_service.application.accept_generations import Call
from story_service.application.attempts import AttemptKey
from story_service.domain import errors
from story_service.domain.analysing.analysis import AnalysisKind
from story_service.domain.ids import StoryId, UserId

_REFUSED = (
    *PAID,
    *GATED,
    errors.StoryUnknown,
    errors.StoryNotReady,
    errors.StoryBeingWritten,
    errors.VersionConflict,
)


def analysis_routes(use_cases: UseCases, callers: Callers, limits: RateLimits) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/story/v1/stories/{story_id:uuid}", tags=["stories"], dependencies=[SIGNED_IN])
    signed_in, analyse = Depends(callers.reader), use_cases.analyse
    often = limits.per_user("story.analyse_story", callers.reader)
    answers: dict[int | str, dict[str, Any]] = {
        200: {"model": AnsweredOut, "description": "Everything was known: nothing is charged."},
        202: {"description": "Accepted; the answers come with the end of the generation.", "headers": REPLAYED},
    }
    known = FACES.responses(*ANY_READER, errors.StoryUnknown)

    @router.post(
        "/analyses",
        status_code=202,
        dependencies=[often],
        response_model=AnsweredOut,
        responses=limited({**answers, **FACES.responses(*ANY_READER, *_REFUSED)}, 200, 202),
    )
    async def analyse_story(
        reader: Annotated[Person, signed_in], story_id: UUID, body: AnalyseIn, key: IdempotencyKey
    ) -> Response:
        """Ask about a story. What was answered about the same text before is answered again, and costs nothing."""
        call = Call(UserId(reader.user_id), body.model, body.max_price)
        attempt = AttemptKey(key, request_hash({**body.model_dump(), "story_id": str(story_id)}))
        answered = await analyse(call, StoryId(story_id), body.asked, attempt)
        document = AnsweredOut.of(answered).model_dump(mode="json")
        if answered.accepted is None:
            return JSONResponse(document)
        return JSONResponse(document, 202, replay(answered.accepted.replayed))

    @router.get("/analyses", responses=known)
    async def list_analyses(
        reader: Annotated[Person, signed_in], story_id: UUID, kind: AnalysisKindName | None = None
    ) -> AnalysesOut:
        """Read what is known of the text that a story has."""
        wanted = AnalysisKind(kind) if kind else None
        found = await analyse.known(UserId(reader.user_id), StoryId(story_id), wanted)
        return AnalysesOut(items=[AnalysisOut.of(one) for one in found])

    @router.get("/characters", responses=known)
    async def list_story_characters(reader: Annotated[Person, signed_in], story_id: UUID) -> CharactersOut:
        """Read who occurs in a story."""
        found = await analyse.known(UserId(reader.user_id), StoryId(story_id), AnalysisKind.CHARACTERS)
        return CharactersOut.of(found[0] if found else None)

    return router
