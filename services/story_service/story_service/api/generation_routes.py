"""Generations: look at one, follow its events, stop it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response

from common_auth.bearer import SIGNED_IN
from common_auth.callers import Callers, Person
from common_service.draining import Drain
from story_service.api.problems import ANY_READER, FACES
from story_service.api.schemas import GenerationOut
from story_service.api.streams import EVENTS, event_stream
from story_service.api.use_cases import UseCases
from story_service.domain import errors
from story_service.domain.ids import GenerationId, UserId

_LARGEST_SEQ = 2**31 - 1
Seq = Annotated[int, Query(ge=0, le=_LARGEST_SEQ, description="Only the events behind this one.")]
LastEventId = Annotated[
    str, Header(max_length=64, description="As `after`; a browser sends it when it reconnects. No number: no effect.")
]
EventStream = type("EventStream", (Response,), {"media_type": "text/event-stream"})


def generation_routes(use_cases: UseCases, callers: Callers, drain: Drain) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/story/v1", tags=["generations"], dependencies=[SIGNED_IN])
    signed_in = Depends(callers.reader)

    @router.get("/generations/{generation_id}", responses=FACES.responses(*ANY_READER, errors.GenerationUnknown))
    async def read_generation(reader: Annotated[Person, signed_in], generation_id: UUID) -> GenerationOut:
        """Read state, quote and actual usage."""
        return GenerationOut.of(await use_cases.stories.generation(UserId(reader.user_id), GenerationId(generation_id)))

    @router.get(
        "/generations/{generation_id}/events",
        response_class=EventStream,
        responses={**EVENTS, **FACES.responses(*ANY_READER, errors.GenerationUnknown, errors.ChunksPurged)},
    )
    async def follow_generation(
        reader: Annotated[Person, signed_in], generation_id: UUID, after: Seq = 0, last_event_id: LastEventId = ""
    ) -> Response:
        """Follow the events, from the start or behind a position. Leaving does not stop the writing."""
        generation = await use_cases.follow.check(UserId(reader.user_id), GenerationId(generation_id))
        return event_stream(use_cases.follow(generation, _position(after, last_event_id)), drain)

    @router.post(
        "/generations/{generation_id}/cancel",
        status_code=202,
        responses=FACES.responses(*ANY_READER, errors.GenerationUnknown, errors.AlreadyClosed),
    )
    async def cancel_generation(reader: Annotated[Person, signed_in], generation_id: UUID) -> GenerationOut:
        """Stop the writing; what was delivered is paid for, and nothing if nothing was."""
        return GenerationOut.of(await use_cases.cancel(UserId(reader.user_id), GenerationId(generation_id)))

    return router


def _position(after: int, last_event_id: str) -> int:
    """Return where to go on: the browser knows better than the address it was given."""
    known = last_event_id.isascii() and last_event_id.isdecimal()
    return min(int(last_event_id), _LARGEST_SEQ) if known else after
