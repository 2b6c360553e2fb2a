"""Access versions in Postgres."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Uuid, delete, insert, literal, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.application.access_ports import PastVersion, Recompute, Span
from payment_service.domain.access import AccessVersion
from payment_service.domain.ids import UserId
from payment_service.infrastructure.access_rows import AccessRow, RecomputeRow


class SqlAccesses:
    """Access versions as seen from one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def current(self, user_id: UserId) -> AccessVersion | None:
        """Return the version in force, None for somebody never heard of."""
        current = select(AccessRow).where(AccessRow.user_id == user_id, AccessRow.valid_to.is_(None))
        row = await self._session.scalar(current)
        return row.to_domain() if row else None

    async def append(self, version: AccessVersion) -> None:
        """Let a version follow the current one: it ends at the instant at which the new one begins."""
        standing = (AccessRow.user_id == version.user_id) & AccessRow.valid_to.is_(None)
        await self._session.execute(update(AccessRow).where(standing).values(valid_to=version.valid_from))
        await self._session.execute(insert(AccessRow).values(**AccessRow.values(version)))

    async def history(self, user_id: UserId, span: Span, limit: int) -> list[PastVersion]:
        """Return the versions that were in force within a span, youngest first."""
        theirs = select(AccessRow).where(AccessRow.user_id == user_id)
        if span.start:
            theirs = theirs.where(AccessRow.valid_to.is_(None) | (AccessRow.valid_to > span.start))
        if span.end:
            theirs = theirs.where(AccessRow.valid_from < span.end)
        if span.before_version:
            theirs = theirs.where(AccessRow.version < span.before_version)
        rows = await self._session.scalars(theirs.order_by(AccessRow.version.desc()).limit(limit))
        return [PastVersion(row.to_domain(), row.valid_to) for row in rows]

    async def currents(self, user_ids: Sequence[UserId]) -> list[AccessVersion]:
        """Return the versions in force of those who have one."""
        theirs = select(AccessRow).where(AccessRow.user_id.in_(user_ids), AccessRow.valid_to.is_(None))
        return [row.to_domain() for row in await self._session.scalars(theirs)]

    async def request_recompute(self, plan_code: str, cause_id: str, actor: UUID | None, now: datetime) -> None:
        """Have everybody computed anew who has a version and this plan."""
        values = (literal(cause_id), literal(actor, Uuid), literal(now, DateTime(timezone=True)))
        theirs = select(AccessRow.user_id, *values).where(
            AccessRow.valid_to.is_(None), AccessRow.plan_code == plan_code
        )
        asked = pg_insert(RecomputeRow).from_select(["user_id", "cause_id", "caused_by", "requested_at"], theirs)
        newer = {name: asked.excluded[name] for name in ("cause_id", "caused_by", "requested_at")}
        await self._session.execute(asked.on_conflict_do_update(index_elements=["user_id"], set_=newer))

    async def recomputes(self, limit: int, but: Collection[UserId] = ()) -> list[Recompute]:
        """Return who but these has to be computed anew, the longest waiting first."""
        others = select(RecomputeRow).where(RecomputeRow.user_id.not_in(but))
        waiting = others.order_by(RecomputeRow.requested_at, RecomputeRow.user_id).limit(limit)
        rows = await self._session.scalars(waiting)
        return [Recompute(UserId(row.user_id), row.cause_id, row.caused_by) for row in rows]

    async def recomputed(self, done: Recompute) -> None:
        """Note that somebody was, unless another change came meanwhile."""
        that = (RecomputeRow.user_id == done.user_id) & (RecomputeRow.cause_id == done.cause_id)
        await self._session.execute(delete(RecomputeRow).where(that))

    async def lapsed(self, now: datetime, limit: int, but: Collection[UserId] = ()) -> list[UserId]:
        """Return whose access, of all but these, has passed an edge."""
        behind = (
            select(AccessRow.user_id)
            .where(AccessRow.valid_to.is_(None), AccessRow.next_change_at <= now, AccessRow.user_id.not_in(but))
            .order_by(AccessRow.next_change_at)
            .limit(limit)
        )
        return [UserId(user_id) for user_id in await self._session.scalars(behind)]
