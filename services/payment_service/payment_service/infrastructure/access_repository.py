"""Access versions in Postgres."""

from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.domain.access import AccessVersion
from payment_service.domain.ids import UserId
from payment_service.infrastructure.access_rows import AccessRow
from payment_service.infrastructure.plan_rows import PlanRow


class SqlAccesses:
    """Access versions as seen from one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def current(self, user_id: UserId) -> AccessVersion | None:
        """Return the version in force, None for somebody never heard of."""
        current = (
            select(AccessRow, PlanRow.rank)
            .join(PlanRow, PlanRow.code == AccessRow.plan_code)
            .where(AccessRow.user_id == user_id, AccessRow.valid_to.is_(None))
        )
        row = (await self._session.execute(current)).first()
        return row[0].to_domain(row[1]) if row else None

    async def append(self, version: AccessVersion) -> None:
        """Let a version follow the current one: it ends at the instant at which the new one begins."""
        standing = (AccessRow.user_id == version.user_id) & AccessRow.valid_to.is_(None)
        await self._session.execute(update(AccessRow).where(standing).values(valid_to=version.valid_from))
        await self._session.execute(insert(AccessRow).values(**AccessRow.values(version)))

    async def lapsed(self, now: datetime, limit: int) -> list[UserId]:
        """Return whose access has passed an edge."""
        behind = (
            select(AccessRow.user_id)
            .where(AccessRow.valid_to.is_(None), AccessRow.next_change_at <= now)
            .order_by(AccessRow.next_change_at)
            .limit(limit)
        )
        return [UserId(user_id) for user_id in await self._session.scalars(behind)]
