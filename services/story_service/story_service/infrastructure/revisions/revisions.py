"""Revisions in Postgres."""

from collections.abc import Sequence

from sqlalchemy import delete, exists, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from story_service.domain.ids import GenerationId, StoryId, UserId
from story_service.domain.revisions.revision import Revision, RevisionLine
from story_service.infrastructure.revisions.tables import RevisionRow

_START = 400  # characters: white space is folded before an excerpt is cut


class SqlRevisions:
    """Revisions as one transaction sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of(self, story_id: StoryId) -> Sequence[RevisionLine]:
        """Read what a list shows, without the texts."""
        row = RevisionRow
        columns = (row.version, row.title, func.left(row.body, _START), func.length(row.body), row.generation_id)
        query = select(*columns, row.created_at).where(row.story_id == story_id).order_by(row.version.desc())
        return [
            RevisionLine(version, title, start, characters, GenerationId(writer) if writer else None, at)
            for version, title, start, characters, writer, at in await self._session.execute(query)
        ]

    async def find(self, story_id: StoryId, version: int) -> Revision | None:
        """Read one with its text."""
        row = await self._session.get(RevisionRow, (story_id, version))
        return _revision_of(row) if row else None

    async def has(self, story_id: StoryId) -> bool:
        """Look for any."""
        return bool(await self._session.scalar(select(exists().where(RevisionRow.story_id == story_id))))

    async def add(self, *revisions: Revision) -> None:
        """Insert them in one statement."""
        await self._session.execute(insert(RevisionRow), [_values(revision) for revision in revisions])

    async def forget(self, story_id: StoryId, kept: int) -> None:
        """Remove the oldest."""
        last = select(RevisionRow.version).where(RevisionRow.story_id == story_id)
        oldest = last.order_by(RevisionRow.version.desc()).offset(kept).limit(1).scalar_subquery()
        gone = RevisionRow.story_id == story_id, RevisionRow.version <= oldest
        await self._session.execute(delete(RevisionRow).where(*gone))


def _values(revision: Revision) -> dict[str, object]:
    return {
        "story_id": revision.story_id,
        "version": revision.version,
        "title": revision.title,
        "body": revision.body,
        "generation_id": revision.generation_id,
        "author_id": revision.author_id,
        "created_at": revision.created_at,
    }


def _revision_of(row: RevisionRow) -> Revision:
    return Revision(
        StoryId(row.story_id),
        row.version,
        row.title,
        row.body,
        GenerationId(row.generation_id) if row.generation_id else None,
        UserId(row.author_id) if row.author_id else None,
        row.created_at,
    )
