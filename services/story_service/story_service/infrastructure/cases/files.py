"""Case files in Postgres."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    delete,
    exists,
    func,
    insert,
    literal_column,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from story_service.application.cases.ports import CasePage, CitedStory, Whose
from story_service.domain.cases.case_file import CaseFile, CaseHead
from story_service.domain.cases.changes import Change
from story_service.domain.ids import StoryId, UserId
from story_service.domain.story import TruthMode
from story_service.infrastructure.cases import rows
from story_service.infrastructure.cases.tables import CaseFactRow, CaseRow, FactSourceRow, PersonRow, SourceRow
from story_service.infrastructure.tables import StoryRow

_NEWEST_FIRST = (CaseRow.created_at.desc(), CaseRow.id.desc())
_APPROVED = CaseRow.moderation_status == literal_column("'approved'")  # in words, as the partial index has it
_SHOWN = ("published", "unlisted")
_AS_IT_IS = {"populate_existing": True}  # not as this transaction read it before it was locked


class SqlCaseFiles:
    """Case files as one transaction sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(self, wanted: CasePage) -> Sequence[CaseHead]:
        """Read a page in one query: each part by its own index, no more of it than the page holds."""
        parts = [_part(part, wanted) for part in ([wanted.whose] if wanted.whose else Whose)]
        ids = union_all(*(select(part.subquery()) for part in parts)).subquery()
        query = select(CaseRow).where(CaseRow.id.in_(select(ids.c.id))).order_by(*_NEWEST_FIRST).limit(wanted.most)
        return [rows.head_of(row) for row in await self._session.scalars(query)]

    async def find(self, case_id: UUID, *, lock: bool = False) -> CaseFile | None:
        """Read a file: its head, and what is in it."""
        query = select(CaseRow).where(CaseRow.id == case_id, CaseRow.deleted_at.is_(None))
        head = await self._session.scalar(query.with_for_update() if lock else query, execution_options=_AS_IT_IS)
        if head is None:
            return None
        sources = select(SourceRow).where(SourceRow.case_id == case_id).order_by(SourceRow.ref_no)
        persons = select(PersonRow).where(PersonRow.case_id == case_id).order_by(PersonRow.position, PersonRow.id)
        facts = select(CaseFactRow).where(CaseFactRow.case_id == case_id).order_by(CaseFactRow.position, CaseFactRow.id)
        cited = await self._cited(case_id)
        return CaseFile(
            rows.head_of(head),
            tuple(rows.source_of(row) for row in await self._session.scalars(sources, execution_options=_AS_IT_IS)),
            tuple(rows.person_of(row) for row in await self._session.scalars(persons, execution_options=_AS_IT_IS)),
            tuple(
                rows.fact_of(row, cited[row.id])
                for row in await self._session.scalars(facts, execution_options=_AS_IT_IS)
            ),
        )

    async def number_of(self, user_id: UserId) -> int:
        """Count by the owner's index."""
        query = select(func.count()).where(CaseRow.owner_id == user_id, CaseRow.deleted_at.is_(None))
        return await self._session.scalar(query) or 0

    async def add(self, head: CaseHead) -> None:
        """Insert a head."""
        status = "approved" if head.approved else "pending"
        await self._session.execute(insert(CaseRow).values(**rows.head_values(head), moderation_status=status))

    async def keep(self, change: Change) -> None:
        """Write the head, and each touched part in its place."""
        head = change.file.head
        await self._session.execute(update(CaseRow).where(CaseRow.id == head.id).values(**rows.head_values(head)))
        await self._put(SourceRow, [rows.source_values(head.id, one) for one in change.sources])
        if change.dropped:
            await self._session.execute(delete(SourceRow).where(SourceRow.id == change.dropped))
        person_at = {one.id: place for place, one in enumerate(change.file.persons)}
        await self._put(PersonRow, [rows.person_values(head.id, one, person_at[one.id]) for one in change.persons])
        fact_at = {one.id: place for place, one in enumerate(change.file.facts)}
        await self._put(CaseFactRow, [rows.fact_values(head.id, one, fact_at[one.id]) for one in change.facts])
        if change.facts:
            ids = [one.id for one in change.facts]
            await self._session.execute(delete(FactSourceRow).where(FactSourceRow.fact_id.in_(ids)))
        cited = [values for one in change.facts for values in rows.cited_values(one)]
        if cited:
            await self._session.execute(insert(FactSourceRow), cited)

    async def delete(self, case_id: UUID, now: datetime) -> None:
        """Hide one."""
        hidden = {"deleted_at": now, "updated_at": now}
        await self._session.execute(update(CaseRow).where(CaseRow.id == case_id).values(**hidden))

    async def story(self, story_id: StoryId) -> CitedStory | None:
        """Read as much of a story as its citations need."""
        columns = StoryRow.id, StoryRow.user_id, StoryRow.case_id, StoryRow.truth_mode, StoryRow.body
        query = select(*columns, StoryRow.publish_state).where(StoryRow.id == story_id, StoryRow.deleted_at.is_(None))
        row = (await self._session.execute(query)).one_or_none()
        if row is None:
            return None
        owner = UserId(row.user_id) if row.user_id else None
        is_published = row.publish_state in _SHOWN
        return CitedStory(StoryId(row.id), owner, row.case_id, TruthMode(row.truth_mode), row.body, is_published)

    async def has_published_stories(self, case_id: UUID) -> bool:
        """Look by the index of the case's stories."""
        shown = StoryRow.publish_state.in_(_SHOWN), StoryRow.deleted_at.is_(None)
        found = await self._session.scalar(select(exists().where(StoryRow.case_id == case_id, *shown)))
        return bool(found)

    async def _cited(self, case_id: UUID) -> dict[UUID, list[FactSourceRow]]:
        query = (
            select(FactSourceRow)
            .join(CaseFactRow, CaseFactRow.id == FactSourceRow.fact_id)
            .join(SourceRow, SourceRow.id == FactSourceRow.source_id)
            .where(CaseFactRow.case_id == case_id)
            .order_by(SourceRow.ref_no)
        )
        by_fact: dict[UUID, list[FactSourceRow]] = defaultdict(list)
        for row in await self._session.scalars(query, execution_options=_AS_IT_IS):
            by_fact[row.fact_id].append(row)
        return by_fact

    async def _put(self, table: type[SourceRow | PersonRow | CaseFactRow], values: list[dict[str, Any]]) -> None:
        if not values:
            return
        statement = postgresql.insert(table).values(values)
        changed = {name: statement.excluded[name] for name in values[0] if name not in {"id", "case_id", "position"}}
        await self._session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed))


def _part(part: Whose, wanted: CasePage) -> Select[Any]:
    belongs: dict[Whose, tuple[ColumnElement[bool], ...]] = {
        Whose.HOUSE: (CaseRow.visibility == "house", _APPROVED),
        Whose.PUBLIC: (CaseRow.visibility == "public", _APPROVED, CaseRow.owner_id != wanted.user_id),
        Whose.OWN: (CaseRow.owner_id == wanted.user_id,),
    }
    query = select(CaseRow.id).where(*belongs[part], CaseRow.deleted_at.is_(None))
    if wanted.before:
        query = query.where(tuple_(CaseRow.created_at, CaseRow.id) < tuple_(*wanted.before))
    return query.order_by(*_NEWEST_FIRST).limit(wanted.most)
