"""Overrides and grants in Postgres."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.domain.errors import AlreadyGranted
from payment_service.domain.grants import Grant
from payment_service.domain.ids import UserId
from payment_service.domain.overrides import Override
from payment_service.infrastructure.overlay_rows import GrantRow, OverrideRow


class SqlOverrides:
    """Overrides as seen from one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, override_id: UUID) -> Override | None:
        """Return one."""
        row = await self._session.get(OverrideRow, override_id, populate_existing=True)
        return row.to_domain() if row else None

    async def of(self, user_id: UserId, ending_after: datetime) -> list[Override]:
        """Return a person's that are not revoked and end later than this, whether they have begun or not."""
        counting = OverrideRow.revoked_at.is_(None) & (OverrideRow.expires_at > ending_after)
        theirs = select(OverrideRow).where(OverrideRow.user_id == user_id, counting)
        return [row.to_domain() for row in await self._session.scalars(theirs)]

    async def latest(self, user_id: UserId, limit: int) -> list[Override]:
        """Return a person's, youngest first, those that are over among them."""
        theirs = select(OverrideRow).where(OverrideRow.user_id == user_id)
        page = theirs.order_by(OverrideRow.created_at.desc(), OverrideRow.id.desc()).limit(limit)
        return [row.to_domain() for row in await self._session.scalars(page)]

    async def put(self, override: Override) -> None:
        """Keep it, new or changed."""
        values = OverrideRow.values(override)
        fresh = insert(OverrideRow).values(**values)
        over = {name: fresh.excluded[name] for name in values if name != "id"}
        await self._session.execute(fresh.on_conflict_do_update(index_elements=["id"], set_=over))


class SqlGrants:
    """Grants as seen from one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, grant_id: UUID) -> Grant | None:
        """Return one."""
        row = await self._session.get(GrantRow, grant_id, populate_existing=True)
        return row.to_domain() if row else None

    async def of(self, user_id: UserId, ending_after: datetime) -> list[Grant]:
        """Return a person's that are not voided and end later than this, whether they have begun or not."""
        counting = GrantRow.voided_at.is_(None) & (GrantRow.expires_at > ending_after)
        theirs = select(GrantRow).where(GrantRow.user_id == user_id, counting)
        return [row.to_domain() for row in await self._session.scalars(theirs)]

    async def latest(self, user_id: UserId, limit: int) -> list[Grant]:
        """Return a person's, youngest first, those that are over among them."""
        theirs = select(GrantRow).where(GrantRow.user_id == user_id)
        page = theirs.order_by(GrantRow.created_at.desc(), GrantRow.id.desc()).limit(limit)
        return [row.to_domain() for row in await self._session.scalars(page)]

    async def add(self, grant: Grant) -> None:
        """Keep a new one. Raises AlreadyGranted when its source and source_ref have paid."""
        fresh = insert(GrantRow).values(**GrantRow.values(grant))
        once = fresh.on_conflict_do_nothing(index_elements=["source", "source_ref"])
        if await self._session.scalar(once.returning(GrantRow.id)) is None:
            raise AlreadyGranted

    async def void(self, grant: Grant) -> None:
        """Keep that it is voided."""
        over = {name: getattr(grant, name) for name in ("voided_at", "voided_by", "void_reason")}
        await self._session.execute(update(GrantRow).where(GrantRow.id == grant.id).values(**over))
