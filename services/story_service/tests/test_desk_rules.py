"""A case on the moderation desk: who may take and end it, how, and what it costs whom. Pure rules."""

from dataclasses import replace
from datetime import timedelta

import pytest

from common_service.ids import uuid7
from services.story_service.tests.a_case import REVIEWER, a_moderation_case
from services.story_service.tests.worlds import NOON, OTHER
from story_service.domain.desk.errors import (
    AlreadyAssigned,
    AlreadyResolved,
    NotAssigned,
    ReasonRequired,
    SameReviewer,
    VerdictUnfit,
)
from story_service.domain.desk.moderation_case import CaseKind, CaseState, ModerationCase, RulingVerdict
from story_service.domain.desk.strikes import LEGAL_STATUS_CHANGED, action_at, deserves_strike
from story_service.domain.ids import DecisionId

ENDS = {
    (CaseKind.APPEAL, RulingVerdict.BLOCK): CaseState.UPHELD,
    (CaseKind.APPEAL, RulingVerdict.RESTORE): CaseState.OVERTURNED,
    (CaseKind.REPORT, RulingVerdict.BLOCK): CaseState.UPHELD,
    (CaseKind.REPORT, RulingVerdict.ALLOW): CaseState.DISMISSED,
    (CaseKind.TAKEDOWN, RulingVerdict.BLOCK): CaseState.UPHELD,
    (CaseKind.TAKEDOWN, RulingVerdict.ALLOW): CaseState.DISMISSED,
    (CaseKind.FLAG, RulingVerdict.BLOCK): CaseState.UPHELD,
    (CaseKind.FLAG, RulingVerdict.ALLOW): CaseState.DISMISSED,
}


def ended(case: ModerationCase, verdict: RulingVerdict, *reasons: str) -> ModerationCase:
    return case.assigned(REVIEWER).decided(REVIEWER, verdict, reasons, DecisionId(uuid7()), NOON)


@pytest.mark.parametrize("kind", CaseKind)
@pytest.mark.parametrize("verdict", RulingVerdict)
def test_each_kind_ends_as_it_may(kind: CaseKind, verdict: RulingVerdict) -> None:
    case = a_moderation_case(kind)
    if (kind, verdict) not in ENDS:
        with pytest.raises(VerdictUnfit):
            ended(case, verdict, "violence")
        return
    end = ended(case, verdict, "violence")
    assert (end.state, end.resolved_at, end.version) == (ENDS[kind, verdict], NOON, 3)
    with pytest.raises(AlreadyResolved):
        end.assigned(OTHER)
    with pytest.raises(AlreadyResolved):
        end.decided(REVIEWER, verdict, ("violence",), DecisionId(uuid7()), NOON)


def test_what_comes_from_outside_is_due_first() -> None:
    due = {kind: a_moderation_case(kind).due_at - NOON for kind in CaseKind}
    assert due[CaseKind.TAKEDOWN] == timedelta(hours=48)
    assert {due[kind] for kind in CaseKind if kind is not CaseKind.TAKEDOWN} == {timedelta(days=7)}


def test_only_who_took_a_case_decides_it() -> None:
    case = a_moderation_case(CaseKind.REPORT)
    with pytest.raises(NotAssigned):
        case.decided(REVIEWER, RulingVerdict.ALLOW, (), DecisionId(uuid7()), NOON)
    taken = case.assigned(REVIEWER)
    assert (taken.state, taken.assigned(REVIEWER)) == (CaseState.IN_REVIEW, taken)
    with pytest.raises(AlreadyAssigned):
        taken.assigned(OTHER)
    with pytest.raises(NotAssigned):
        taken.decided(OTHER, RulingVerdict.ALLOW, (), DecisionId(uuid7()), NOON)
    with pytest.raises(ReasonRequired):
        ended(case, RulingVerdict.BLOCK)


def test_nobody_judges_an_appeal_against_an_own_decision() -> None:
    case = a_moderation_case(CaseKind.APPEAL, appealed_decider=REVIEWER)
    with pytest.raises(SameReviewer):
        case.assigned(REVIEWER)
    forced = replace(case, assignee=REVIEWER, state=CaseState.IN_REVIEW)
    with pytest.raises(SameReviewer):
        forced.decided(REVIEWER, RulingVerdict.RESTORE, (), DecisionId(uuid7()), NOON)
    assert case.assigned(OTHER).assignee == OTHER


def test_who_broke_a_rule_is_struck_and_nobody_else() -> None:
    for kind, strikes in ((CaseKind.REPORT, True), (CaseKind.FLAG, True), (CaseKind.TAKEDOWN, False)):
        assert (
            deserves_strike(ended(a_moderation_case(kind), RulingVerdict.BLOCK, "violence"), ("violence",)) is strikes
        )
    upheld = ended(a_moderation_case(CaseKind.FLAG), RulingVerdict.BLOCK, LEGAL_STATUS_CHANGED)
    assert not deserves_strike(upheld, (LEGAL_STATUS_CHANGED,))
    assert not deserves_strike(replace(upheld, subject=None), ("violence",))
    assert not deserves_strike(ended(a_moderation_case(CaseKind.REPORT), RulingVerdict.ALLOW), ())
    assert [action_at(standing) for standing in (1, 2, 3, 4)] == ["warn", "warn", "suspend", "suspend"]
