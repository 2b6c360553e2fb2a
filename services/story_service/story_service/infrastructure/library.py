"""The library in Postgres."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from story_service.application.library_ports import Found
from story_service.domain.ids import StoryId, UserId
from story_service.domain.library import HouseStory, LibraryStory, Position, Shelf, Sort
from story_service.domain.story import SHOWN, Origin, PublishState, StoryState, TruthMode
from story_service.infrastructure.library_tables import CounterRow, ViewRow
from story_service.infrastructure.rows import source_of
from story_service.infrastructure.tables import StoryRow

_STORY = "story"
_VIEWS = func.coalesce(CounterRow.views, 0).label("views")
# In words and not as parameters: a plan made once for all values can use a partial index then, too.
_ON_THE_SHELF = (StoryRow.publish_state == literal_column("'published'"), StoryRow.deleted_at.is_(None))
_READABLE = (StoryRow.publish_state.in_(sorted(SHOWN)), StoryRow.deleted_at.is_(None))
_IN_REVIEW = (
    StoryRow.origin == literal_column("'house'"),
    StoryRow.publish_state == literal_column("'in_review'"),
    StoryRow.deleted_at.is_(None),
)
_COLUMNS = (
    StoryRow.id,
    StoryRow.user_id,
    StoryRow.origin,
    StoryRow.title,
    StoryRow.synopsis,
    StoryRow.truth_mode,
    StoryRow.language,
    StoryRow.case_id,
    StoryRow.version,
    StoryRow.published_at,
    StoryRow.publish_state,
    StoryRow.parent_story_id,
    StoryRow.parent_title,
)


class SqlLibrary:
    """The library as one transaction sees it."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(self, shelf: Shelf, *, after: Position | None, most: int) -> Sequence[LibraryStory]:
        """Read a page by the index of its order; words are looked up in the index of words first."""
        found = await self._session.execute(_shelved(shelf, after).limit(most))
        return [_story_of(row, "") for row in found]

    async def find(self, story_id: StoryId, viewer: UserId, day: date) -> Found | None:
        """Read a story, its sum, and whether this reader has been here today: one query."""
        seen = exists().where(ViewRow.story_id == StoryRow.id, ViewRow.viewer_id == viewer, ViewRow.viewed_on == day)
        query = (
            select(*_COLUMNS, StoryRow.body, _VIEWS, seen.label("is_seen"))
            .outerjoin(CounterRow, _is_of_the_story())
            .where(*_READABLE, StoryRow.id == story_id)
        )
        row = (await self._session.execute(query)).one_or_none()
        return Found(_story_of(row, row.body), row.is_seen) if row else None

    async def view(self, story_id: StoryId, viewer: UserId, now: datetime) -> int | None:
        """Count once: the sum moves only with the row of the day that this statement added."""
        seen = (
            postgresql.insert(ViewRow)
            .values(story_id=story_id, viewer_id=viewer, viewed_on=now.date())
            .on_conflict_do_nothing()
            .returning(ViewRow.story_id)
            .cte("seen")
        )
        first = select(literal(_STORY), seen.c.story_id, literal(1), literal(now))
        counted = postgresql.insert(CounterRow).from_select(
            ["target_type", "target_id", "views", "refreshed_at"], first
        )
        statement = counted.on_conflict_do_update(
            index_elements=["target_type", "target_id"],
            set_={"views": CounterRow.views + 1, "refreshed_at": counted.excluded.refreshed_at},
        ).returning(CounterRow.views)
        return await self._session.scalar(statement)

    async def forget_viewers(self, before: date, most: int) -> int:
        """Remove a batch, by the index of the days."""
        key = tuple_(ViewRow.story_id, ViewRow.viewer_id, ViewRow.viewed_on)
        old = (
            select(ViewRow.story_id, ViewRow.viewer_id, ViewRow.viewed_on).where(ViewRow.viewed_on < before).limit(most)
        )
        gone = await self._session.scalars(delete(ViewRow).where(key.in_(old)).returning(ViewRow.viewed_on))
        return len(gone.all())

    async def submit(self, story: HouseStory) -> None:
        """Insert one, in review."""
        values = {
            "id": story.id,
            "title": story.title,
            "synopsis": story.synopsis,
            "body": story.body,
            "truth_mode": story.truth_mode,
            "origin": Origin.HOUSE,
            "state": StoryState.READY,
            "moderation_status": "approved" if story.is_moderated else "pending",
            "publish_state": "in_review",
            "created_at": story.created_at,
            "updated_at": story.created_at,
        }
        await self._session.execute(insert(StoryRow).values(**values))

    async def waiting(self, most: int) -> Sequence[HouseStory]:
        """Read them by the index of what is in review."""
        query = select(StoryRow).where(*_IN_REVIEW).order_by(StoryRow.created_at, StoryRow.id).limit(most)
        return [_house_story_of(row) for row in await self._session.scalars(query)]

    async def waits(self, story_id: StoryId) -> HouseStory | None:
        """Read and lock one."""
        row = await self._session.scalar(select(StoryRow).where(*_IN_REVIEW, StoryRow.id == story_id).with_for_update())
        return _house_story_of(row) if row else None

    async def publish(self, story_id: StoryId, now: datetime) -> None:
        """Set the state."""
        await self._end_review(story_id, now, publish_state="published", moderation_status="approved", published_at=now)
        await self.open_counter(story_id, now)

    async def open_counter(self, story_id: StoryId, now: datetime) -> None:
        """Insert a sum of nothing, or leave the one that is there."""
        opened = postgresql.insert(CounterRow).values(target_type=_STORY, target_id=story_id, refreshed_at=now)
        await self._session.execute(opened.on_conflict_do_nothing())

    async def turn_down(self, story_id: StoryId, now: datetime) -> None:
        """Set the state."""
        await self._end_review(story_id, now, publish_state="withdrawn", moderation_status="blocked")

    async def _end_review(self, story_id: StoryId, now: datetime, **values: Any) -> None:
        changes = {**values, "version": StoryRow.version + 1, "updated_at": now}
        await self._session.execute(update(StoryRow).where(*_IN_REVIEW, StoryRow.id == story_id).values(**changes))


def _shelved(shelf: Shelf, after: Position | None) -> Select[*tuple[Any, ...]]:
    """Return the query of a shelf. Only what has a counter can be popular: it is opened when a story is published."""
    query = select(*_COLUMNS, _VIEWS).where(*_ON_THE_SHELF)
    if shelf.words is not None:
        query = query.where(StoryRow.search.op("@@")(func.websearch_to_tsquery("simple", shelf.words)))
    if shelf.truth_mode is not None:
        query = query.where(StoryRow.truth_mode == shelf.truth_mode)
    match shelf.sort:
        case Sort.NEWEST:
            place = tuple_(StoryRow.published_at, StoryRow.id)
            query = query.outerjoin(CounterRow, _is_of_the_story())
            query = query.where(place < tuple_(*after)) if after else query
            return query.order_by(StoryRow.published_at.desc(), StoryRow.id.desc())
        case Sort.POPULAR:
            place = tuple_(CounterRow.views, CounterRow.target_id)
            query = query.join(CounterRow, _is_of_the_story())
            query = query.where(place < tuple_(*after)) if after else query
            return query.order_by(CounterRow.views.desc(), CounterRow.target_id.desc())
        case Sort.TITLE:
            name = func.lower(StoryRow.title)
            query = query.outerjoin(CounterRow, _is_of_the_story())
            query = query.where(tuple_(name, StoryRow.id) > tuple_(func.lower(after[0]), after[1])) if after else query
            return query.order_by(name, StoryRow.id)


def _is_of_the_story() -> ColumnElement[bool]:
    return and_(CounterRow.target_type == literal_column("'story'"), CounterRow.target_id == StoryRow.id)


def _story_of(row: Any, body: str) -> LibraryStory:
    return LibraryStory(
        id=StoryId(row.id),
        author_id=UserId(row.user_id) if row.user_id else None,
        origin=Origin(row.origin),
        title=row.title,
        synopsis=row.synopsis,
        truth_mode=TruthMode(row.truth_mode),
        language=row.language,
        case_id=row.case_id,
        version=row.version,
        published_at=row.published_at,
        views=row.views,
        body=body,
        source=source_of(row.parent_story_id, row.parent_title),
        is_listed=row.publish_state == PublishState.PUBLISHED,
    )


def _house_story_of(row: StoryRow) -> HouseStory:
    return HouseStory(
        StoryId(row.id),
        row.title,
        row.synopsis,
        row.body,
        TruthMode(row.truth_mode),
        row.moderation_status == "approved",
        row.created_at,
    )
