"""The moderation desk in Postgres."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, insert, literal_column, select, tuple_, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from story_service.application.desk.ports import Queue, Ruling
from story_service.domain.desk.moderation_case import CaseKind, CaseState, ModerationCase, Target
from story_service.domain.desk.strikes import Strike
from story_service.domain.ids import DecisionId, UserId
from story_service.domain.moderation import Decision
from story_service.infrastructure.desk.tables import ModerationCaseRow, StrikeRow
from story_service.infrastructure.tables import DecisionRow

_OPEN: ColumnElement[bool] = literal_column(
    "moderation_cases.state IN ('open','in_review')"
)  # in words, as the partial index has it
_APPEAL: ColumnElement[bool] = literal_column(
    "moderation_cases.kind = 'appeal' AND moderation_cases.state <> 'withdrawn'"
)
_TELLING: ColumnElement[bool] = literal_column("moderation_decisions.verdict <> 'allow'")


class SqlDesk:
    """The desk as one transaction sees it."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def open(self, case: ModerationCase) -> bool:
        """Insert, unless a unique index knows one like it."""
        statement = postgresql.insert(ModerationCaseRow).values(**_values(case)).on_conflict_do_nothing()
        return await self._session.scalar(statement.returning(ModerationCaseRow.id)) is not None

    async def find(self, case_id: UUID, *, lock: bool = False) -> ModerationCase | None:
        """Read one."""
        query = select(ModerationCaseRow).where(ModerationCaseRow.id == case_id)
        row = await self._session.scalar(query.with_for_update() if lock else query)
        return case_of(row) if row else None

    async def keep(self, case: ModerationCase) -> None:
        """Write it back."""
        kept = update(ModerationCaseRow).where(ModerationCaseRow.id == case.id).values(**_values(case))
        await self._session.execute(kept)

    async def page(self, queue: Queue) -> Sequence[ModerationCase]:
        """Read a page by the index of what is due."""
        query = select(ModerationCaseRow)
        query = query.where(ModerationCaseRow.state.in_(queue.states)) if queue.states else query.where(_OPEN)
        if queue.kind:
            query = query.where(ModerationCaseRow.kind == queue.kind)
        place = ModerationCaseRow.due_at, ModerationCaseRow.id
        if queue.after:
            query = query.where(tuple_(*place) > tuple_(*queue.after))
        return [case_of(row) for row in await self._session.scalars(query.order_by(*place).limit(queue.most))]

    async def decision(self, decision_id: DecisionId) -> Decision | None:
        """Read a decision."""
        row = await self._session.scalar(select(DecisionRow).where(DecisionRow.id == decision_id))
        return _decision_of(row) if row else None

    async def rulings(self, user_id: UserId, *, before: tuple[datetime, UUID] | None, most: int) -> Sequence[Ruling]:
        """Read a page by the index of its subject."""
        query = (
            select(DecisionRow, ModerationCaseRow.id, ModerationCaseRow.state)
            .outerjoin(ModerationCaseRow, and_(ModerationCaseRow.appealed_decision == DecisionRow.id, _APPEAL))
            .where(DecisionRow.subject_user_id == user_id, _TELLING)
        )
        if before:
            query = query.where(tuple_(DecisionRow.created_at, DecisionRow.id) < tuple_(*before))
        found = await self._session.execute(
            query.order_by(DecisionRow.created_at.desc(), DecisionRow.id.desc()).limit(most)
        )
        return [Ruling(_decision_of(row), appeal, CaseState(state) if state else None) for row, appeal, state in found]

    async def strike(self, strike: Strike) -> None:
        """Insert one."""
        values = {
            "id": strike.id,
            "user_id": strike.user_id,
            "decision_id": strike.decision_id,
            "expires_at": strike.expires_at,
        }
        await self._session.execute(insert(StrikeRow).values(**values))

    async def void(self, decision_id: DecisionId, now: datetime) -> None:
        """Set the time, once."""
        of_decision = StrikeRow.decision_id == decision_id, StrikeRow.voided_at.is_(None)
        await self._session.execute(update(StrikeRow).where(*of_decision).values(voided_at=now))

    async def standing(self, user_id: UserId, now: datetime) -> Sequence[Strike]:
        """Read by the index of what stands."""
        query = select(StrikeRow).where(
            StrikeRow.user_id == user_id, StrikeRow.expires_at > now, StrikeRow.voided_at.is_(None)
        )
        rows = await self._session.scalars(query.order_by(StrikeRow.expires_at))
        return [Strike(row.id, user_id, DecisionId(row.decision_id), row.expires_at) for row in rows]


def _values(case: ModerationCase) -> dict[str, Any]:
    return {
        "id": case.id,
        "kind": case.kind,
        "target_type": case.target.type,
        "target_id": case.target.id,
        "subject_user_id": case.subject,
        "opened_by": case.opened_by,
        "reporter_contact": case.reporter_contact,
        "reason": case.reason,
        "statement": case.statement,
        "legal_basis": case.legal_basis,
        "appealed_decision": case.appealed_decision,
        "appealed_decider": case.appealed_decider,
        "state": case.state,
        "assignee": case.assignee,
        "decision_id": case.decision_id,
        "due_at": case.due_at,
        "created_at": case.created_at,
        "resolved_at": case.resolved_at,
        "version": case.version,
    }


def case_of(row: ModerationCaseRow) -> ModerationCase:
    """Read a case."""
    return ModerationCase(
        row.id,
        CaseKind(row.kind),
        Target(row.target_type, row.target_id),
        row.statement,
        row.due_at,
        row.created_at,
        _person(row.subject_user_id),
        _person(row.opened_by),
        row.reporter_contact,
        row.reason,
        row.legal_basis,
        _decision(row.appealed_decision),
        _person(row.appealed_decider),
        CaseState(row.state),
        _person(row.assignee),
        _decision(row.decision_id),
        row.resolved_at,
        row.version,
    )


def _decision_of(row: DecisionRow) -> Decision:
    return Decision(
        DecisionId(row.id),
        _person(row.subject_user_id),
        row.target_id,
        row.stage,
        row.provider,
        row.policy_version,
        row.verdict,
        tuple(row.reason_codes),
        dict(row.categories),
        row.content_sha256,
        row.created_at,
        row.target_type,
        _person(row.decided_by),
        row.statement,
        _decision(row.supersedes),
    )


def _person(user_id: UUID | None) -> UserId | None:
    return UserId(user_id) if user_id else None


def _decision(decision_id: UUID | None) -> DecisionId | None:
    return DecisionId(decision_id) if decision_id else None
