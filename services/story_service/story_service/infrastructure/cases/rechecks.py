"""The queue of stories to be read again, in Postgres."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import case, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from story_service.application.cases.ports import Dependent, Recheck
from story_service.domain.cases.case_file import LegalStatus
from story_service.domain.cases.events import PersonStatusChanged
from story_service.domain.ids import StoryId, UserId
from story_service.domain.story import StoryState
from story_service.infrastructure.cases.rows import head_of
from story_service.infrastructure.cases.tables import CaseRow, RecheckRow
from story_service.infrastructure.tables import StoryRow

_SHOWN = ("published", "unlisted")


class SqlRechecks:
    """The queue as one transaction sees it."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def ask(self, recheck: Recheck) -> None:
        """Insert one."""
        values = {
            "id": recheck.id,
            "case_id": recheck.case_id,
            "person_id": recheck.change.person_id,
            "before_status": recheck.change.before,
            "after_status": recheck.change.after,
            "created_at": recheck.change.case.updated_at,
        }
        await self._session.execute(insert(RecheckRow).values(**values))

    async def next(self) -> Recheck | None:
        """Read and lock the oldest that nobody has."""
        query = (
            select(RecheckRow, CaseRow)
            .join(CaseRow, CaseRow.id == RecheckRow.case_id)
            .order_by(RecheckRow.created_at, RecheckRow.id)
            .limit(1)
            .with_for_update(skip_locked=True, of=RecheckRow)
        )
        found = (await self._session.execute(query)).first()
        if found is None:
            return None
        row, head = found
        change = PersonStatusChanged(
            head_of(head), row.person_id, LegalStatus(row.before_status), LegalStatus(row.after_status)
        )
        return Recheck(row.id, row.case_id, change, StoryId(row.after_story_id) if row.after_story_id else None)

    async def dependents(self, recheck: Recheck, most: int) -> Sequence[Dependent]:
        """Read a batch by the index of the case's stories."""
        query = select(StoryRow.id, StoryRow.user_id, StoryRow.title, StoryRow.synopsis, StoryRow.body).where(
            StoryRow.case_id == recheck.case_id, StoryRow.deleted_at.is_(None), StoryRow.state == StoryState.READY
        )
        if recheck.after:
            query = query.where(StoryRow.id > recheck.after)
        found = await self._session.execute(query.order_by(StoryRow.id).limit(most).with_for_update())
        return [
            Dependent(
                StoryId(row.id),
                UserId(row.user_id) if row.user_id else None,
                f"{row.title}\n{row.synopsis}\n{row.body}",
            )
            for row in found
        ]

    async def flag(self, story_id: StoryId, now: datetime) -> None:
        """Set the states; what was not shown stays where it is."""
        withdrawn = case((StoryRow.publish_state.in_(_SHOWN), "withdrawn"), else_=StoryRow.publish_state)
        changes = {
            "moderation_status": "flagged",
            "publish_state": withdrawn,
            "version": StoryRow.version + 1,
            "updated_at": now,
        }
        await self._session.execute(update(StoryRow).where(StoryRow.id == story_id).values(**changes))

    async def advance(self, recheck: Recheck, last: StoryId) -> None:
        """Keep the place."""
        kept = update(RecheckRow).where(RecheckRow.id == recheck.id).values(after_story_id=last)
        await self._session.execute(kept)

    async def end(self, recheck: Recheck) -> None:
        """Remove it."""
        await self._session.execute(delete(RecheckRow).where(RecheckRow.id == recheck.id))
