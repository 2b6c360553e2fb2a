"""Erasures in Postgres."""

from datetime import datetime

from sqlalchemy import cast, func, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession

from story_service.domain.ids import UserId
from story_service.infrastructure.catalog.entries import SqlCatalog
from story_service.infrastructure.erasing.parts import LISTED, NOBODY, PARTS
from story_service.infrastructure.erasing.tables import ErasureRow


class SqlErasures:
    """Erasures as one transaction sees them."""

    parts = tuple(PARTS)

    def __init__(self, session: AsyncSession) -> None:
        self._session, self._catalog = session, SqlCatalog(session)

    async def add(self, user_id: UserId, now: datetime) -> None:
        """Note that somebody left; told twice, it is noted once."""
        fresh = insert(ErasureRow).values(user_id=user_id, asked_at=now)
        await self._session.execute(fresh.on_conflict_do_nothing(index_elements=["user_id"]))

    async def waiting(self) -> UserId | None:
        """Take the row; another process takes another one."""
        query = (
            select(ErasureRow.user_id)
            .where(ErasureRow.done_at.is_(None))
            .order_by(ErasureRow.asked_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        user_id = await self._session.scalar(query)
        return UserId(user_id) if user_id else None

    async def erase(self, user_id: UserId, part: str, now: datetime, most: int) -> int:
        """Run the part's statement with those values that it names, and list no more what it touched."""
        values = {"user": user_id, "now": now, "most": most, "nobody": NOBODY}
        named = {name: value for name, value in values.items() if f":{name}" in PARTS[part]}
        touched = (await self._session.scalars(text(PARTS[part]), named)).all()
        if part in LISTED:
            for each in touched:
                await self._catalog.remove(LISTED[part], each, now)
        return len(touched)

    async def count(self, user_id: UserId, part: str, count: int) -> None:
        """Add to the number of a part."""
        known = func.coalesce(ErasureRow.counts[part].as_integer(), 0)
        more = ErasureRow.counts.op("||")(cast(func.jsonb_build_object(part, known + count), JSONB))
        await self._session.execute(update(ErasureRow).where(ErasureRow.user_id == user_id).values(counts=more))

    async def done(self, user_id: UserId, now: datetime) -> None:
        """Close the row."""
        await self._session.execute(update(ErasureRow).where(ErasureRow.user_id == user_id).values(done_at=now))
