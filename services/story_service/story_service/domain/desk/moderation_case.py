"""A case on the moderation desk: somebody says that something must go, or come back, and one reviewer decides."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from story_service.domain.desk.errors import (
    AlreadyAssigned,
    AlreadyResolved,
    NotAssigned,
    ReasonRequired,
    SameReviewer,
    VerdictUnfit,
)
from story_service.domain.ids import DecisionId, UserId


class CaseKind(StrEnum):
    """Who asks: a rule, a reader, the one who was decided about, or somebody from outside with a right."""

    FLAG = "flag"
    REPORT = "report"
    APPEAL = "appeal"
    TAKEDOWN = "takedown"


class CaseState(StrEnum):
    """Where a case stands (events-and-states.md 9.4)."""

    OPEN = "open"
    IN_REVIEW = "in_review"
    UPHELD = "upheld"
    OVERTURNED = "overturned"
    DISMISSED = "dismissed"
    WITHDRAWN = "withdrawn"


class RulingVerdict(StrEnum):
    """What a reviewer says of the target."""

    ALLOW = "allow"
    BLOCK = "block"
    RESTORE = "restore"


class TargetType(StrEnum):
    """What can be reported and taken down."""

    STORY = "story"
    CHARACTER = "character"
    CASE = "case"


OPEN_STATES = (CaseState.OPEN, CaseState.IN_REVIEW)
DUE = {
    CaseKind.TAKEDOWN: timedelta(hours=48),
    CaseKind.APPEAL: timedelta(days=7),
    CaseKind.REPORT: timedelta(days=7),
    CaseKind.FLAG: timedelta(days=7),
}
_OUTCOMES = {
    (CaseKind.APPEAL, RulingVerdict.BLOCK): CaseState.UPHELD,
    (CaseKind.APPEAL, RulingVerdict.RESTORE): CaseState.OVERTURNED,
    **{
        (kind, verdict): outcome
        for kind in (CaseKind.FLAG, CaseKind.REPORT, CaseKind.TAKEDOWN)
        for verdict, outcome in (
            (RulingVerdict.BLOCK, CaseState.UPHELD),
            (RulingVerdict.ALLOW, CaseState.DISMISSED),
        )
    },
}


@dataclass(frozen=True, slots=True)
class Target:
    """What a case is about."""

    type: str
    id: UUID


@dataclass(frozen=True, slots=True)
class ModerationCase:
    """A case. The `subject` is who wrote the target; an appeal knows who decided what it is against."""

    id: UUID
    kind: CaseKind
    target: Target
    statement: str
    due_at: datetime
    created_at: datetime
    subject: UserId | None = None
    opened_by: UserId | None = None
    reporter_contact: str | None = None
    reason: str | None = None
    legal_basis: str | None = None
    appealed_decision: DecisionId | None = None
    appealed_decider: UserId | None = None
    state: CaseState = CaseState.OPEN
    assignee: UserId | None = None
    decision_id: DecisionId | None = None
    resolved_at: datetime | None = None
    version: int = 1

    @classmethod
    def opened(cls, case_id: UUID, kind: CaseKind, target: Target, now: datetime, **facts: object) -> "ModerationCase":
        """Open a case, due as its kind says."""
        made = cls(case_id, kind, target, "", now + DUE[kind], now)
        return replace(made, **facts)  # type: ignore[arg-type]

    @property
    def is_open(self) -> bool:
        """Whether somebody has still to decide."""
        return self.state in OPEN_STATES

    def assigned(self, reviewer: UserId) -> "ModerationCase":
        """Return it as this reviewer's. Raises AlreadyResolved, SameReviewer, AlreadyAssigned."""
        if not self.is_open:
            raise AlreadyResolved
        self._demand_another(reviewer)
        if self.assignee == reviewer:
            return self
        if self.assignee is not None:
            raise AlreadyAssigned
        return replace(self, state=CaseState.IN_REVIEW, assignee=reviewer, version=self.version + 1)

    def decided(
        self, reviewer: UserId, verdict: RulingVerdict, reasons: tuple[str, ...], decision_id: DecisionId, now: datetime
    ) -> "ModerationCase":
        """Return it with its end. Raises AlreadyResolved, NotAssigned, SameReviewer, VerdictUnfit, ReasonRequired."""
        if not self.is_open:
            raise AlreadyResolved
        self._demand_another(reviewer)
        if self.assignee != reviewer:
            raise NotAssigned
        outcome = _OUTCOMES.get((self.kind, verdict))
        if outcome is None:
            raise VerdictUnfit
        if verdict is RulingVerdict.BLOCK and not reasons:
            raise ReasonRequired
        return replace(self, state=outcome, decision_id=decision_id, resolved_at=now, version=self.version + 1)

    def _demand_another(self, reviewer: UserId) -> None:
        if self.kind is CaseKind.APPEAL and self.appealed_decider == reviewer:
            raise SameReviewer
