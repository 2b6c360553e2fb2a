"""Which dunning notices were told, in Postgres."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import SmallInteger, exists, literal, select, union_all
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.domain.dunning import NOTICE_DAYS
from payment_service.domain.ids import UserId
from payment_service.infrastructure.base import Row
from payment_service.infrastructure.billing_rows import SubscriptionRow


class NoticeRow(Row):
    """One notice of one spell of a subscription being past due."""

    __tablename__ = "dunning_notices"
    subscription_id: Mapped[UUID] = mapped_column(primary_key=True)
    past_due_since: Mapped[datetime] = mapped_column(primary_key=True)
    day: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    told_at: Mapped[datetime]


class SqlDunning:
    """The notices as seen from one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def waiting(self, now: datetime, limit: int, but: Collection[UserId] = ()) -> list[UserId]:
        """Return who but these has a notice coming to them that was not told, nor a later one of the same spell."""
        days = union_all(
            *(select(literal(day).label("day"), literal(timedelta(days=day)).label("after")) for day in NOTICE_DAYS)
        ).subquery()
        told = exists().where(
            NoticeRow.subscription_id == SubscriptionRow.id,
            NoticeRow.told_at >= SubscriptionRow.past_due_since,
            NoticeRow.day >= days.c.day,
        )
        due = (
            select(SubscriptionRow.user_id)
            .join(days, SubscriptionRow.past_due_since + days.c.after <= now)
            .where(
                SubscriptionRow.provider_status == "past_due",
                SubscriptionRow.grace_until > now,
                ~SubscriptionRow.superseded,
                ~told,
                SubscriptionRow.user_id.not_in(but),
            )
            .distinct()
            .limit(limit)
        )
        return [UserId(user_id) for user_id in await self._session.scalars(due)]

    async def told(self, subscription_id: UUID, since: datetime, day: int, now: datetime) -> bool:
        """Note that a notice is told; False when it or a later one of this spell was."""
        later = exists().where(
            NoticeRow.subscription_id == subscription_id, NoticeRow.told_at >= since, NoticeRow.day >= day
        )
        if await self._session.scalar(select(later)):
            return False
        values = {"subscription_id": subscription_id, "past_due_since": since, "day": day, "told_at": now}
        await self._session.execute(insert(NoticeRow).values(**values))
        return True
