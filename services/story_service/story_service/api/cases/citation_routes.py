"""What a story rests on."""

from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field

from common_auth.bearer import SIGNED_IN
from common_auth.callers import Callers, Person
from story_service.api.cases.routes import CaseUseCases, responses
from story_service.api.cases.schemas import SourceKindName, TruthModeName
from story_service.api.schemas import Wire
from story_service.application.cases.ports import CitedStory
from story_service.domain.cases.case_file import CaseFile, Source
from story_service.domain.cases.citations import Citations, Segment
from story_service.domain.cases.guard import veiled
from story_service.domain.errors import StoryUnknown
from story_service.domain.ids import StoryId, UserId
from story_service.domain.story import LABELS


class SegmentOut(Wire):
    """A sentence of the story's body, from character `start` to before `end`."""

    number: int
    start: int
    end: int
    is_claim: bool
    source_ids: list[UUID]
    unknown: list[int] = Field(description="Marks that are no source of the case.")

    @classmethod
    def of(cls, segment: Segment) -> Self:
        """Show a segment."""
        return cls(
            number=segment.number,
            start=segment.start,
            end=segment.end,
            is_claim=segment.is_claim,
            source_ids=[source.id for source in segment.sources],
            unknown=list(segment.unknown),
        )


class CitedSourceOut(Wire):
    """A source that the story cites."""

    id: UUID
    ref_no: int
    kind: SourceKindName
    title: str
    url: str | None
    is_retracted: bool

    @classmethod
    def of(cls, source: Source, file: CaseFile) -> Self:
        """Show a source."""
        return cls(
            id=source.id,
            ref_no=source.ref_no,
            kind=source.kind.value,
            title=veiled(source.title, file.persons),
            url=source.url,
            is_retracted=not source.stands,
        )


class CitationsOut(Wire):
    """Sentences that claim or cite, the sources behind them, and how many claims have none.

    A story without a case has no citations, and no claims are counted.
    """

    story_id: UUID
    case_id: UUID | None
    truth_mode: TruthModeName
    label: str
    uncited_claims: int | None
    segments: list[SegmentOut]
    sources: list[CitedSourceOut]

    @classmethod
    def of(cls, story: CitedStory, file: CaseFile | None, citations: Citations) -> Self:
        """Show the citations of a story."""
        shown = [segment for segment in citations.segments if segment.is_claim or segment.sources or segment.unknown]
        cited = {source.ref_no: source for segment in shown for source in segment.sources}
        return cls(
            story_id=story.id,
            case_id=story.case_id,
            truth_mode=story.truth_mode.value,
            label=LABELS[story.truth_mode],
            uncited_claims=citations.uncited_claims if file else None,
            segments=[SegmentOut.of(segment) for segment in shown],
            sources=[CitedSourceOut.of(cited[number], file) for number in sorted(cited) if file],
        )


def citation_routes(use_cases: CaseUseCases, callers: Callers) -> APIRouter:
    """Return the route."""
    router = APIRouter(prefix="/story/v1/stories", tags=["cases"], dependencies=[SIGNED_IN])
    signed_in = Depends(callers.reader)

    @router.get("/{story_id:uuid}/citations", responses=responses(StoryUnknown))
    async def read_citations(reader: Annotated[Person, signed_in], story_id: UUID) -> CitationsOut:
        """Read which sentence of a story rests on which source of its case."""
        return CitationsOut.of(*await use_cases.citations(UserId(reader.user_id), StoryId(story_id)))

    return router
