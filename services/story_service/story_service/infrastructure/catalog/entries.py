"""The catalog in Postgres."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, func, literal_column, select, tuple_, union_all, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from story_service.application.catalog.ports import Place
from story_service.domain.catalog.entry import CatalogEntry, EntryType, Hit
from story_service.domain.catalog.folding import fold
from story_service.domain.story import TruthMode
from story_service.infrastructure.catalog.tables import THIS_TRANSACTION, CatalogRow
from story_service.infrastructure.library_tables import CounterRow

_PUBLIC = CatalogRow.visibility == literal_column("'public'")  # in words, as the partial indexes have it
_MOST_POPULAR = (CatalogRow.popularity.desc(), CatalogRow.id.desc())
_HIT = (CatalogRow.type, CatalogRow.id, CatalogRow.title, CatalogRow.popularity, CatalogRow.truth_mode)
_LISTED = ("title", "key", "summary", "truth_mode", "language", "visibility")
_FIRST = 1000  # of so many titles that begin alike the most popular are taken


class SqlCatalog:
    """The catalog as one transaction sees it."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(self, entry: CatalogEntry, now: datetime) -> None:
        """Insert a row or change it; one that says the same already is left alone, so that nobody reads it anew."""
        added = postgresql.insert(CatalogRow).values(**entry_values(entry), changed_at=now)
        news = {name: added.excluded[name] for name in _LISTED}
        old = tuple_(*(CatalogRow.__table__.c[name] for name in _LISTED))
        await self._session.execute(
            added.on_conflict_do_update(
                index_elements=["type", "id"],
                set_={**news, "changed_at": now, "changed_in": THIS_TRANSACTION},
                where=old.is_distinct_from(tuple_(*news.values())),
            )
        )

    async def remove(self, entry_type: EntryType, entry_id: UUID, now: datetime) -> None:
        """Hide a row and empty it."""
        hidden = {"visibility": "hidden", "title": "", "key": "", "summary": "", "changed_at": now}
        await self._session.execute(
            update(CatalogRow)
            .where(CatalogRow.type == entry_type, CatalogRow.id == entry_id, _PUBLIC)
            .values(**hidden, changed_in=THIS_TRANSACTION)
        )

    async def search(
        self, words: Sequence[Sequence[str]], types: Sequence[EntryType], *, after: Place | None, most: int
    ) -> Sequence[Hit]:
        """Look words up in their index, or walk down the popular ones, whichever is less work."""
        wanted = " & ".join(f"({' | '.join(group)})" for group in words)  # folded words are letters and digits alone
        fits = CatalogRow.search.op("@@")(func.to_tsquery("simple", wanted))
        return await self._best(types, most, fits, *_behind(after))

    async def complete(self, typed: str, most: int) -> Sequence[Hit]:
        """Read a stretch of the index of keys."""
        begins = CatalogRow.key.like(typed.replace("%", "").replace("_", "") + "%")
        first = select(*_HIT).where(_PUBLIC, begins).order_by(CatalogRow.key).limit(_FIRST).subquery()
        query = select(first).order_by(first.c.popularity.desc(), first.c.id.desc()).limit(most)
        return [_hit_of(row) for row in await self._session.execute(query)]

    async def popular(self, types: Sequence[EntryType], most: int) -> Sequence[Hit]:
        """Read the beginning of the index."""
        return await self._best(types, most)

    async def count_views(self, now: datetime, most: int) -> int:
        """Change those whose sum has moved."""
        is_counter = (CounterRow.target_type == CatalogRow.type, CounterRow.target_id == CatalogRow.id)
        moved = (
            select(CatalogRow.id, CounterRow.views)
            .where(*is_counter, CatalogRow.type == EntryType.STORY, _PUBLIC, CounterRow.views != CatalogRow.popularity)
            .limit(most)
            .cte("moved")
        )
        changes = {"popularity": moved.c.views, "changed_at": now, "changed_in": THIS_TRANSACTION}
        changed = update(CatalogRow).where(CatalogRow.type == EntryType.STORY, CatalogRow.id == moved.c.id)
        return len((await self._session.scalars(changed.values(**changes).returning(CatalogRow.id))).all())

    async def forget_removed(self, before: datetime, most: int) -> int:
        """Remove a batch, by the index of the hidden."""
        key = tuple_(CatalogRow.type, CatalogRow.id)
        is_hidden = CatalogRow.visibility == literal_column("'hidden'")
        old = select(CatalogRow.type, CatalogRow.id).where(is_hidden, CatalogRow.changed_at < before).limit(most)
        gone = await self._session.scalars(delete(CatalogRow).where(key.in_(old)).returning(CatalogRow.id))
        return len(gone.all())

    async def _best(self, types: Sequence[EntryType], most: int, *fits: ColumnElement[bool]) -> list[Hit]:
        """Take as many of each type as are wanted, by the index of its order, and of these the first."""
        parts = [_part(entry_type, most, fits).subquery() for entry_type in types]
        found = union_all(*(select(part) for part in parts)).subquery()
        query = select(found).order_by(found.c.popularity.desc(), found.c.id.desc()).limit(most)
        return [_hit_of(row) for row in await self._session.execute(query)]


def entry_values(entry: CatalogEntry) -> dict[str, Any]:
    """Return the columns of an entry that can be found."""
    return {
        "type": entry.type,
        "id": entry.id,
        "title": entry.title,
        "key": entry.key,
        "summary": fold(entry.summary),
        "popularity": entry.popularity,
        "truth_mode": entry.truth_mode,
        "language": entry.language,
        "visibility": "public",
    }


def _part(entry_type: EntryType, most: int, fits: Sequence[ColumnElement[bool]]) -> Select[*tuple[Any, ...]]:
    query = select(*_HIT).where(CatalogRow.type == entry_type, _PUBLIC, *fits)
    return query.order_by(*_MOST_POPULAR).limit(most)


def _behind(after: Place | None) -> list[ColumnElement[bool]]:
    return [tuple_(CatalogRow.popularity, CatalogRow.id) < tuple_(*after)] if after else []


def _hit_of(row: Any) -> Hit:
    mode = TruthMode(row.truth_mode) if row.truth_mode else None
    return Hit(EntryType(row.type), row.id, row.title, row.popularity, mode)
