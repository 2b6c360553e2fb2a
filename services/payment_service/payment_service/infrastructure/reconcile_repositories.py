"""Refunds, disputes and runs of the reconciliation in Postgres."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, insert, literal, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.application.sync_ports import Run
from payment_service.domain.drift import Drift
from payment_service.domain.ids import UserId
from payment_service.domain.reversal import Reversal
from payment_service.infrastructure.reversal_rows import ReversalRow, RunRow

_LONGEST_REPORT = 1000


class SqlReversals:
    """Refunds and disputes as seen from one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of(self, user_id: UserId) -> list[Reversal]:
        """Return all of a person's."""
        return await self._found(ReversalRow.user_id == user_id)

    async def named(self, provider_ids: Sequence[str]) -> list[Reversal]:
        """Return those that are kept under these names."""
        return await self._found(ReversalRow.provider_reversal_id.in_(provider_ids))

    async def put_all(self, reversals: Sequence[Reversal]) -> None:
        """Keep these, new or changed."""
        if reversals:
            fresh = postgresql.insert(ReversalRow).values([ReversalRow.values(each) for each in reversals])
            columns = [column.name for column in ReversalRow.__table__.columns if column.name != "id"]
            changed = {name: fresh.excluded[name] for name in columns}
            await self._session.execute(fresh.on_conflict_do_update(index_elements=["id"], set_=changed))

    async def _found(self, condition: ColumnElement[bool]) -> list[Reversal]:
        found = select(ReversalRow).where(condition).execution_options(populate_existing=True)
        return [row.to_domain() for row in await self._session.scalars(found)]


class SqlRuns:
    """Runs as seen from one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, run_id: UUID) -> Run | None:
        """Return one."""
        row = await self._session.get(RunRow, run_id, populate_existing=True)
        return row.to_domain() if row else None

    async def add(self, run: Run) -> None:
        """Ask for a run."""
        await self._session.execute(
            insert(RunRow).values(
                id=run.id,
                scope=run.scope,
                user_id=run.user_id,
                requested_by=run.requested_by,
                started_at=run.started_at,
            )
        )

    async def add_if_due(self, run: Run, every: timedelta) -> bool:
        """Ask for a run unless one of its scope was begun within `every`; two who ask at once make one."""
        await self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("reconcile", 0))))
        begun = select(RunRow.id).where(RunRow.scope == run.scope, RunRow.started_at > run.started_at - every)
        if await self._session.scalar(begun.limit(1)) is not None:
            return False
        await self.add(run)
        return True

    async def claim(self, now: datetime, lease: timedelta, run_id: UUID | None = None) -> Run | None:
        """Take the oldest run that is not finished and that nobody holds, or this very one."""
        free = RunRow.lease_until.is_(None) | (RunRow.lease_until <= now)
        open_ones = select(RunRow.id).where(RunRow.finished_at.is_(None), free)
        if run_id is not None:
            open_ones = open_ones.where(RunRow.id == run_id)
        oldest = open_ones.order_by(RunRow.started_at).limit(1).with_for_update(skip_locked=True)
        claimed = await self._session.scalars(
            update(RunRow)
            .where(RunRow.id == oldest.scalar_subquery())
            .values(fence=RunRow.fence + 1, lease_until=now + lease, checked=0)
            .returning(RunRow)
        )
        row = claimed.first()
        return row.to_domain() if row else None

    async def advance(self, run: Run, checked: int, lease_until: datetime) -> bool:
        """Count what was compared and keep the run; False when somebody else has taken it over."""
        counted = {"checked": RunRow.checked + checked, "lease_until": lease_until}
        kept = await self._session.execute(update(RunRow).where(*_is(run)).values(counted).returning(RunRow.id))
        return kept.first() is not None

    async def finish(self, run: Run, now: datetime) -> None:
        """Note that everything was compared; what was found heals by itself."""
        await self._session.execute(update(RunRow).where(*_is(run)).values(finished_at=now, lease_until=None))

    async def found(self, run_id: UUID, who: str, drifts: Sequence[Drift], *, healed: bool) -> None:
        """Write what differed into the report, which ends growing at a thousand entries."""
        entries = [{"who": who, **drift.document(), "healed": healed} for drift in drifts]
        room = func.jsonb_array_length(RunRow.details) < _LONGEST_REPORT
        more = RunRow.details.op("||")(literal(entries, JSONB))
        await self._session.execute(
            update(RunRow)
            .where(RunRow.id == run_id)
            .values(drifted=RunRow.drifted + 1, healed=RunRow.healed + int(healed))
            .execution_options(synchronize_session=False)
        )
        await self._session.execute(
            update(RunRow)
            .where(RunRow.id == run_id, room)
            .values(details=more)
            .execution_options(synchronize_session=False)
        )


def _is(run: Run) -> tuple[ColumnElement[bool], ...]:
    return RunRow.id == run.id, RunRow.fence == run.fence, RunRow.finished_at.is_(None)
