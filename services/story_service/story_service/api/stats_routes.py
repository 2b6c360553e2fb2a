"""What a reader has done here."""

from typing import Annotated, Self

from fastapi import APIRouter, Depends
from pydantic import Field

from common_auth.bearer import SIGNED_IN
from common_auth.callers import Callers, Person
from story_service.api.problems import ANY_READER, FACES
from story_service.api.schemas import Wire
from story_service.application.read_stats import ReadStats, Stats
from story_service.domain.ids import UserId


class StatsOut(Wire):
    """Counts over all time of what is not deleted."""

    stories: int
    conversations: int
    messages: int
    tokens: int = Field(description="Weighted tokens charged.")
    percentile: int | None = Field(description="How many of a hundred readers have used fewer tokens.")

    @classmethod
    def of(cls, stats: Stats) -> Self:
        """Show a reader's own."""
        counts = stats.counts
        return cls(
            stories=counts.stories,
            conversations=counts.conversations,
            messages=counts.messages,
            tokens=counts.tokens,
            percentile=stats.percentile,
        )


def stats_routes(read: ReadStats, callers: Callers) -> APIRouter:
    """Return the route."""
    router = APIRouter(prefix="/story/v1/me", tags=["usage"], dependencies=[SIGNED_IN])
    signed_in = Depends(callers.reader)

    @router.get("/stats", responses=FACES.responses(*ANY_READER))
    async def read_my_stats(reader: Annotated[Person, signed_in]) -> StatsOut:
        """Read what one has done, and how much that is among all readers."""
        return StatsOut.of(await read(UserId(reader.user_id)))

    return router
