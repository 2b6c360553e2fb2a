"""Who is suspended, in Postgres."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.application.access_ports import Standing
from payment_service.domain.ids import UserId
from payment_service.infrastructure.base import Row
from payment_service.infrastructure.erasure_repository import ErasureRow


class StandingRow(Row):
    """The last that was heard of somebody's status; who was never suspended has none."""

    __tablename__ = "standings"
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    is_suspended: Mapped[bool]
    since: Mapped[datetime]
    until: Mapped[datetime | None]


class SqlStandings:
    """Standings as seen from one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def learn(self, standing: Standing) -> bool:
        """Insert or replace, by version."""
        values = {
            "user_id": standing.user_id,
            "version": standing.version,
            "is_suspended": standing.is_suspended,
            "since": standing.since,
            "until": standing.until,
        }
        fresh = insert(StandingRow).values(**values)
        over = {name: fresh.excluded[name] for name in values if name != "user_id"}
        younger = fresh.on_conflict_do_update(
            index_elements=["user_id"], set_=over, where=StandingRow.version < fresh.excluded.version
        )
        return await self._session.scalar(younger.returning(StandingRow.user_id)) is not None

    async def is_shut_out(self, user_id: UserId) -> bool:
        """Look for a suspension and an erasure."""
        suspended = exists().where(StandingRow.user_id == user_id, StandingRow.is_suspended)
        leaving = exists().where(ErasureRow.user_id == user_id)
        return bool(await self._session.scalar(select(suspended | leaving)))
