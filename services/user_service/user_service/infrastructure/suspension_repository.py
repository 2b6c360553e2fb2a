"""Whom their strikes are about to shut out, over Postgres."""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from user_service.application.ports import PendingSuspension
from user_service.domain.profile import UserId
from user_service.infrastructure.tables import PendingSuspensionRow


class SqlPendingSuspensions:
    """The queue in `users.pending_suspensions`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def ask(self, suspension: PendingSuspension, now: datetime) -> None:
        """Insert it, or let the later end stand."""
        fresh = insert(PendingSuspensionRow).values(user_id=suspension.user_id, until=suspension.until, due_at=now)
        later = func.greatest(PendingSuspensionRow.until, fresh.excluded.until)
        over = {"until": later, "due_at": now}
        await self._session.execute(fresh.on_conflict_do_update(index_elements=["user_id"], set_=over))

    async def claim(self, now: datetime, lease: timedelta) -> PendingSuspension | None:
        """Take the row that has waited longest and that no other transaction is taking."""
        due = (
            select(PendingSuspensionRow.user_id)
            .where(PendingSuspensionRow.due_at <= now)
            .order_by(PendingSuspensionRow.due_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        taken = update(PendingSuspensionRow).where(PendingSuspensionRow.user_id == due.scalar_subquery())
        row = (await self._session.scalars(taken.values(due_at=now + lease).returning(PendingSuspensionRow))).first()
        return None if row is None else PendingSuspension(UserId(row.user_id), row.until)

    async def done(self, suspension: PendingSuspension) -> None:
        """Remove it, unless a later end was asked for meanwhile."""
        mine = (PendingSuspensionRow.user_id == suspension.user_id, PendingSuspensionRow.until == suspension.until)
        await self._session.execute(delete(PendingSuspensionRow).where(*mine))
