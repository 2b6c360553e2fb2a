"""Analyses in Postgres."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from story_service.domain.analysing.analysis import Analysis, AnalysisKind
from story_service.domain.ids import GenerationId, StoryId
from story_service.infrastructure.analysing.tables import AnalysisRow


class SqlAnalyses:
    """Analyses as one transaction sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of(self, story_id: StoryId, text_sha256: bytes) -> Sequence[Analysis]:
        """Read the few of one text."""
        query = select(AnalysisRow).where(AnalysisRow.story_id == story_id, AnalysisRow.text_sha256 == text_sha256)
        return [_analysis_of(row) for row in await self._session.scalars(query.order_by(AnalysisRow.kind))]

    async def keep(self, *analyses: Analysis) -> None:
        """Insert what is not there."""
        values = [_values(analysis) for analysis in analyses]
        await self._session.execute(postgresql.insert(AnalysisRow).on_conflict_do_nothing(), values)


def _values(analysis: Analysis) -> dict[str, object]:
    return {
        "story_id": analysis.story_id,
        "kind": analysis.kind,
        "text_sha256": analysis.text_sha256,
        "model": analysis.model,
        "result": analysis.result,
        "generation_id": analysis.generation_id,
        "created_at": analysis.created_at,
    }


def _analysis_of(row: AnalysisRow) -> Analysis:
    return Analysis(
        StoryId(row.story_id),
        AnalysisKind(row.kind),
        row.text_sha256,
        row.model,
        row.result,
        GenerationId(row.generation_id),
        row.created_at,
    )
