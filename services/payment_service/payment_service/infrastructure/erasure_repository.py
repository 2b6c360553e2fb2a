"""Who is being erased, in Postgres."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.domain.ids import UserId
from payment_service.infrastructure.base import Row


class ErasureRow(Row):
    """Somebody whose subscriptions have to end; `ended_at` once the provider has ended them."""

    __tablename__ = "erasures"
    __table_args__ = (Index("ix_erasures_waiting", "asked_at", postgresql_where=text("ended_at IS NULL")),)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    asked_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class SqlErasures:
    """Erasures as seen from one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, user_id: UserId, now: datetime) -> None:
        """Note that somebody leaves; told twice, it is noted once."""
        fresh = insert(ErasureRow).values(user_id=user_id, asked_at=now)
        await self._session.execute(fresh.on_conflict_do_nothing(index_elements=["user_id"]))

    async def waiting(self, limit: int, but: Collection[UserId] = ()) -> list[UserId]:
        """Return who but these still has subscriptions to be ended, the longest waiting first."""
        others = select(ErasureRow.user_id).where(ErasureRow.ended_at.is_(None), ErasureRow.user_id.not_in(but))
        rows = await self._session.scalars(others.order_by(ErasureRow.asked_at).limit(limit))
        return [UserId(user_id) for user_id in rows]

    async def asked_at(self, user_id: UserId) -> datetime:
        """Return since when somebody leaves."""
        return (await self._session.scalars(select(ErasureRow.asked_at).where(ErasureRow.user_id == user_id))).one()

    async def reopen(self, user_id: UserId) -> None:
        """Put somebody who left back among those who wait."""
        left = (ErasureRow.user_id == user_id, ErasureRow.ended_at.is_not(None))
        await self._session.execute(update(ErasureRow).where(*left).values(ended_at=None))

    async def ended(self, user_id: UserId, now: datetime) -> None:
        """Note that nothing of theirs runs any more."""
        await self._session.execute(update(ErasureRow).where(ErasureRow.user_id == user_id).values(ended_at=now))
