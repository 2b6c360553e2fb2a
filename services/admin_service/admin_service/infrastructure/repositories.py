"""The read model over Postgres, and the work that holds it together."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from admin_service.application.ports import Archive, Directory, Search, UsageBook
from admin_service.domain.entry import UserEntry
from admin_service.domain.events import ArchivedEvent
from admin_service.infrastructure.tables import ArchiveRow, EntryRow, HourRow
from common_service.database import SqlWork


class SqlDirectory:
    """The index in `admin.user_index`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def open(self, user_id: UUID, at: datetime) -> UserEntry:
        """Make the row if it is missing, then lock it: facts about one person are applied one after another."""
        values = EntryRow.values(UserEntry(user_id, at))
        await self._session.execute(insert(EntryRow).values(user_id=user_id, **values).on_conflict_do_nothing())
        row = await self._session.get_one(EntryRow, user_id, with_for_update=True, populate_existing=True)
        return row.to_domain()

    async def save(self, entry: UserEntry) -> None:
        """Change the loaded row."""
        row = await self._session.get_one(EntryRow, entry.user_id)
        for name, value in EntryRow.values(entry).items():
            setattr(row, name, value)
        await self._session.flush()

    async def of(self, user_id: UUID) -> UserEntry | None:
        """Read one row."""
        row = await self._session.get(EntryRow, user_id)
        return None if row is None else row.to_domain()

    async def find(self, search: Search) -> Sequence[UserEntry]:
        """Read one page, the newest first."""
        place = tuple_(EntryRow.first_seen_at, EntryRow.user_id)
        query = select(EntryRow).order_by(EntryRow.first_seen_at.desc(), EntryRow.user_id.desc()).limit(search.limit)
        if search.text is not None:
            columns = (EntryRow.email, EntryRow.display_name)
            begin = func.lower(_literal(search.text)).concat("%")
            query = query.where(or_(*(func.lower(column).like(begin) for column in columns)))
        if search.plan is not None:
            query = query.where(EntryRow.plan_code == search.plan)
        if search.state is not None:
            query = query.where(EntryRow.access_state == search.state)
        if search.after is not None:
            query = query.where(place < tuple_(search.after.first_seen_at, search.after.user_id))
        return [row.to_domain() for row in await self._session.scalars(query)]


class SqlUsageBook:
    """Hours in `admin.user_hourly_usage`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, user_id: UUID, hour: datetime, amounts: Mapping[str, int]) -> None:
        """Add to the hours, the meters in order so that two workers never wait for one another."""
        if not amounts:
            return
        rows = [
            {"user_id": user_id, "hour": hour, "meter": meter, "amount": amount, "generations": 1}
            for meter, amount in sorted(amounts.items())
        ]
        statement = insert(HourRow).values(rows)
        more = {
            "amount": HourRow.amount + statement.excluded.amount,
            "generations": HourRow.generations + statement.excluded.generations,
        }
        await self._session.execute(
            statement.on_conflict_do_update(index_elements=["user_id", "hour", "meter"], set_=more)
        )

    async def totals(self, user_ids: Sequence[UUID], meter: str, since: datetime) -> Mapping[UUID, int]:
        """Sum the hours."""
        query = (
            select(HourRow.user_id, func.sum(HourRow.amount))
            .where(HourRow.user_id.in_(user_ids), HourRow.meter == meter, HourRow.hour >= since)
            .group_by(HourRow.user_id)
        )
        return {user_id: int(amount) for user_id, amount in await self._session.execute(query)}


class SqlArchive:
    """Facts in `admin.event_archive`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, event: ArchivedEvent) -> None:
        """Insert a fact unless it is there."""
        values = {
            "event_id": event.event_id,
            "type": event.type,
            "source": event.source,
            "subject": event.subject,
            "occurred_at": event.occurred_at,
            "envelope": dict(event.envelope),
        }
        await self._session.execute(insert(ArchiveRow).values(values).on_conflict_do_nothing())


class SqlAdminWork(SqlWork):
    """One transaction over the schema `admin`."""

    directory: Directory
    usage: UsageBook
    archive: Archive

    def open(self, session: AsyncSession) -> None:
        """Hang every store on the session."""
        self.directory = SqlDirectory(session)
        self.usage = SqlUsageBook(session)
        self.archive = SqlArchive(session)


def _literal(text: str) -> str:
    """Escape what LIKE reads as a pattern."""
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
