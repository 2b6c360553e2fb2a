"""Stories in Postgres."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Row, cast, delete, func, insert, literal_column, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from story_service.application.story_kind import WITHOUT_WORDS
from story_service.domain.ids import StoryId, UserId
from story_service.domain.story import SHOWN, Origin, Story, StoryState
from story_service.infrastructure.rows import story_of, story_values
from story_service.infrastructure.tables import CounterRow, GenerationRow, StoryRow

_CONTINUES = GenerationRow.kind.in_(
    [literal_column("'continuation'"), literal_column("'rewrite'")]
)  # as its index has it
_PINNED = sorted(SHOWN)


class SqlStories:
    """Stories as one transaction sees them; deleted ones are not seen."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, story: Story) -> None:
        """Insert one."""
        await self._session.execute(insert(StoryRow).values(**story_values(story)))

    async def find(self, story_id: StoryId, *, lock: bool = False) -> Story | None:
        """Read one of somebody's; `lock` holds it to the end of the transaction."""
        query = select(StoryRow).where(
            StoryRow.id == story_id, StoryRow.user_id.is_not(None), StoryRow.deleted_at.is_(None)
        )
        row = await self._session.scalar(query.with_for_update() if lock else query)
        return story_of(row) if row else None

    async def latest_of(self, user_id: UserId) -> Story | None:
        """Read the one that is marked so."""
        query = select(StoryRow).where(StoryRow.user_id == user_id, StoryRow.is_latest, StoryRow.deleted_at.is_(None))
        row = await self._session.scalar(query)
        return story_of(row) if row else None

    async def of(self, user_id: UserId, *, before: tuple[datetime, UUID] | None, most: int) -> list[Story]:
        """Read a page, newest first."""
        query = select(StoryRow).where(StoryRow.user_id == user_id, StoryRow.deleted_at.is_(None))
        if before:
            query = query.where(tuple_(StoryRow.created_at, StoryRow.id) < tuple_(*before))
        query = query.order_by(StoryRow.created_at.desc(), StoryRow.id.desc()).limit(most)
        return [story_of(row) for row in await self._session.scalars(query)]

    async def keep(self, story: Story) -> None:
        """Write it back; the old latest steps aside first."""
        if story.is_latest:
            await self._session.execute(
                update(StoryRow)
                .where(StoryRow.user_id == story.user_id, StoryRow.is_latest, StoryRow.id != story.id)
                .values(is_latest=False)
            )
        await self._session.execute(update(StoryRow).where(StoryRow.id == story.id).values(**story_values(story)))

    async def purge(self, user_id: UserId, retained: int) -> int:
        """Remove what retention does not keep."""
        kept = (
            select(StoryRow.id)
            .where(*_prunable(user_id), StoryRow.state == StoryState.READY)
            .order_by(StoryRow.is_latest.desc(), StoryRow.created_at.desc())
            .limit(retained)
        )
        return await self._remove(*_prunable(user_id), StoryRow.id.not_in(kept))

    async def pinned_of(self, user_id: UserId) -> int:
        """Count by the reader's index."""
        pinned = or_(StoryRow.publish_state.in_(_PINNED), StoryRow.origin == Origin.CLONED)
        query = select(func.count()).where(StoryRow.user_id == user_id, StoryRow.deleted_at.is_(None), pinned)
        return await self._session.scalar(query) or 0

    async def delete(self, story: Story, now: datetime) -> None:
        """Hide it."""
        hidden = {"deleted_at": now, "is_latest": False, "updated_at": now}
        await self._session.execute(update(StoryRow).where(StoryRow.id == story.id).values(**hidden))
        if story.is_latest:
            newest = (
                select(StoryRow.id)
                .where(
                    StoryRow.user_id == story.user_id,
                    StoryRow.deleted_at.is_(None),
                    StoryRow.state == StoryState.READY,
                    StoryRow.origin == Origin.GENERATED,
                )
                .order_by(StoryRow.created_at.desc())
                .limit(1)
                .scalar_subquery()
            )
            await self._session.execute(update(StoryRow).where(StoryRow.id == newest).values(is_latest=True))

    async def purge_deleted(self, deleted_before: datetime, most: int) -> int:
        """Remove a batch, found by its index; another process takes what is not locked here."""
        old = (
            select(StoryRow.id)
            .where(StoryRow.deleted_at < deleted_before)
            .order_by(StoryRow.deleted_at)
            .limit(most)
            .with_for_update(skip_locked=True)
        )
        return await self._remove(StoryRow.id.in_(old))

    async def _remove(self, *which: ColumnElement[bool]) -> int:
        """Remove stories with what is kept because of them, and return how many."""
        removed = delete(StoryRow).where(*which).returning(StoryRow.id, StoryRow.generation_id)
        rows = (await self._session.execute(removed)).all()
        if rows:
            await self._forget_requests(rows)
            counters = CounterRow.target_type == "story", CounterRow.target_id.in_([row.id for row in rows])
            await self._session.execute(delete(CounterRow).where(*counters))
        return len(rows)

    async def _forget_requests(self, gone: Sequence[Row[UUID, UUID | None]]) -> None:
        """Take a reader's words out of the requests by which stories were written and continued."""
        written = GenerationRow.id.in_([row.generation_id for row in gone if row.generation_id])
        continued = GenerationRow.target_id.in_([row.id for row in gone]) & _CONTINUES
        without_words = GenerationRow.request.op("||")(cast(WITHOUT_WORDS, JSONB))
        for which in (written, continued):
            await self._session.execute(update(GenerationRow).where(which).values(request=without_words))


def _prunable(user_id: UserId) -> tuple[ColumnElement[bool], ...]:
    return (
        StoryRow.user_id == user_id,
        StoryRow.deleted_at.is_(None),
        StoryRow.state != StoryState.GENERATING,
        StoryRow.publish_state.not_in(_PINNED),
        StoryRow.origin == Origin.GENERATED,
    )
