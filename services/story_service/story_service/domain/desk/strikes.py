"""Strikes: what breaking the rules costs somebody, for how long, and what undoes it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from story_service.domain.desk.moderation_case import CaseKind, CaseState, ModerationCase
from story_service.domain.ids import DecisionId, UserId

LIFE = timedelta(days=180)
APPEAL_WINDOW = timedelta(days=180)
SUSPENDED_AT = 3
LEGAL_STATUS_CHANGED = "legal_status_changed"


@dataclass(frozen=True, slots=True)
class Strike:
    """One strike, for one decision."""

    id: UUID
    user_id: UserId
    decision_id: DecisionId
    expires_at: datetime


def deserves_strike(case: ModerationCase, reasons: tuple[str, ...]) -> bool:
    """Tell whether the end of a case is a strike against its subject.

    Who is told that a right of somebody else stands against a text, or that the law changed under it, broke no rule.
    """
    broke_a_rule = case.kind in {CaseKind.REPORT, CaseKind.FLAG} and case.state is CaseState.UPHELD
    return broke_a_rule and case.subject is not None and LEGAL_STATUS_CHANGED not in reasons


def action_at(standing: int) -> str:
    """Return what so many standing strikes mean."""
    return "suspend" if standing >= SUSPENDED_AT else "warn"
