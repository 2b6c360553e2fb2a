"""What is used of grants, in Postgres. That no grant is used twice is a constraint and a condition of the statement."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from story_service.domain.grants import Grant
from story_service.domain.ids import GrantId, UserId
from story_service.domain.usage import GrantReading, Line, Meter
from story_service.infrastructure.usage_tables import GrantRow

_RESERVE = text(
    """
    INSERT INTO story.credit_grants AS g (id, user_id, meter, amount, priority, effective_at, expires_at, reserved)
    VALUES (:id, :user, :meter, :amount, :priority, :effective_at, :expires_at, :n)
    ON CONFLICT (id) DO UPDATE SET reserved = g.reserved + excluded.reserved
     WHERE g.user_id = excluded.user_id AND g.meter = excluded.meter
       AND g.reserved + g.settled + excluded.reserved <= g.amount
    RETURNING reserved, settled
    """
)


async def reserve_of_grant(session: AsyncSession, user_id: UserId, grant: Grant, amount: int) -> Meter | None:
    """Take an amount of a grant, which is written down when it is first drawn upon; None where it holds too little."""
    values = {
        "id": grant.id,
        "user": user_id,
        "meter": grant.meter,
        "amount": grant.amount,
        "priority": grant.priority,
        "effective_at": grant.effective_at,
        "expires_at": grant.expires_at,
        "n": amount,
    }
    if amount > grant.amount:
        return None
    row = (await session.execute(_RESERVE, values)).first()
    return Meter(row.reserved, row.settled) if row else None


async def settle_of_grant(session: AsyncSession, grant_id: GrantId, line: Line) -> Meter:
    """Move a line's amount within its grant."""
    statement = (
        update(GrantRow)
        .where(GrantRow.id == grant_id)
        .values(reserved=GrantRow.reserved - line.reserved, settled=GrantRow.settled + (line.settled or 0))
        .returning(GrantRow.reserved, GrantRow.settled)
    )
    row = (await session.execute(statement)).one()
    return Meter(row.reserved, row.settled)


async def burnt(session: AsyncSession, grants: Sequence[Grant]) -> tuple[GrantReading, ...]:
    """Read what is used of grants by one statement, or by none where there are none."""
    if not grants:
        return ()
    query = select(GrantRow.id, GrantRow.reserved, GrantRow.settled).where(GrantRow.id.in_([one.id for one in grants]))
    used: dict[UUID, Meter] = {row.id: Meter(row.reserved, row.settled) for row in await session.execute(query)}
    return tuple(GrantReading(grant, used.get(grant.id, Meter())) for grant in grants)


def grant_of(row: GrantRow | None) -> Grant | None:
    """Read the grant that a line drew upon."""
    if row is None:
        return None
    return Grant(GrantId(row.id), row.meter, row.amount, row.priority, row.effective_at, row.expires_at)
