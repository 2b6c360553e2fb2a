"""The queue, and what reviewers do with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from story_service.application.attempts import AttemptKey
from story_service.application.cases.own_cases import Answer
from story_service.application.catalog.listing import relist, unlist
from story_service.application.desk.open_cases import Show
from story_service.application.desk.ports import DeskWork, Queue, SeenTarget, StartDeskWork
from story_service.application.ports import Clock, NewId
from story_service.domain.desk.errors import ModerationCaseUnknown
from story_service.domain.desk.events import ModerationCaseResolved, UserStruck
from story_service.domain.desk.moderation_case import CaseKind, CaseState, ModerationCase, RulingVerdict
from story_service.domain.desk.strikes import LIFE, Strike, action_at, deserves_strike
from story_service.domain.events import ModerationDecided, StoryUnpublished
from story_service.domain.ids import DecisionId, StoryId, UserId
from story_service.domain.moderation import Decision, digest
from story_service.domain.publishing.publishing import withdrawn

_PROVIDER, _POLICY_VERSION = "reviewer", "desk-1"
_BY_DESK = "moderation"
_OK = 200
_STAGES = {
    CaseKind.FLAG: "publish",
    CaseKind.REPORT: "report",
    CaseKind.APPEAL: "appeal",
    CaseKind.TAKEDOWN: "takedown",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reviewer decides, and the reasons that the subject will read."""

    verdict: RulingVerdict
    reasons: tuple[str, ...]
    statement: str


@dataclass(frozen=True, slots=True)
class ReviewCases:
    """Decision, effect on the target, strike and facts are one transaction; the case's row is locked first."""

    start_work: StartDeskWork
    now: Clock
    new_id: NewId

    async def queue(self, wanted: Queue) -> Sequence[ModerationCase]:
        """Return a page, what is due first."""
        async with self.start_work() as work:
            return await work.desk.page(wanted)

    async def assign(self, case_id: UUID, reviewer: UserId) -> ModerationCase:
        """Raises ModerationCaseUnknown, AlreadyResolved, SameReviewer, AlreadyAssigned."""
        async with self.start_work() as work:
            case = (await _found(work, case_id)).assigned(reviewer)
            await work.desk.keep(case)
            await work.commit()
        return case

    async def decide(self, case_id: UUID, reviewer: UserId, verdict: Verdict, key: AttemptKey, show: Show) -> Answer:
        """Raises ModerationCaseUnknown, and what the rules of a case raise."""
        route = f"POST /internal/v1/moderation/cases/{case_id}/decision"
        now, decision_id = self.now(), DecisionId(self.new_id())
        async with self.start_work() as work:
            if kept := await work.answers.claim(str(reviewer), route, key, now):
                return Answer(kept, replayed=True)
            found = await _found(work, case_id)
            case = found.decided(reviewer, verdict.verdict, verdict.reasons, decision_id, now)
            seen = await work.targets.find(case.target)
            decision = self._decision(case, verdict, decision_id, seen)
            await work.record(decision)
            await work.desk.keep(case)
            await work.tell(ModerationDecided(decision), ModerationCaseResolved(case))
            await self._carry_out(work, case, verdict)
            body = show(case)
            await work.answers.keep(str(reviewer), route, key, _OK, body)
            await work.commit()
        return Answer(body, replayed=False)

    def _decision(
        self, case: ModerationCase, verdict: Verdict, decision_id: DecisionId, seen: SeenTarget | None
    ) -> Decision:
        return Decision(
            decision_id,
            case.subject,
            case.target.id,
            _STAGES[case.kind],
            _PROVIDER,
            _POLICY_VERSION,
            verdict.verdict,
            verdict.reasons,
            {},
            digest(seen.text if seen else ""),
            self.now(),
            target_type=case.target.type,
            decided_by=case.assignee,
            statement=verdict.statement,
            supersedes=case.appealed_decision if case.state is CaseState.OVERTURNED else None,
        )

    async def _carry_out(self, work: DeskWork, case: ModerationCase, verdict: Verdict) -> None:
        now = self.now()
        if case.state is CaseState.UPHELD and case.kind is not CaseKind.APPEAL:
            await _block(work, case, self.now)
        if case.state is CaseState.OVERTURNED or (case.kind is CaseKind.FLAG and case.state is CaseState.DISMISSED):
            await work.targets.approve(case.target, now)
            await relist(work, case.target.type, case.target.id, now)
        if case.state is CaseState.OVERTURNED and case.appealed_decision:
            await work.desk.void(case.appealed_decision, now)
        if deserves_strike(case, verdict.reasons) and case.subject and case.decision_id:
            await work.desk.strike(Strike(self.new_id(), case.subject, case.decision_id, now + LIFE))
            standing = len(await work.desk.standing(case.subject, now))
            await work.tell(UserStruck(case.subject, standing, action_at(standing), now))


async def _block(work: DeskWork, case: ModerationCase, clock: Clock) -> None:
    """Hide the target; others hear of a story that they can read no more."""
    story = await work.stories.find(StoryId(case.target.id), lock=True) if case.target.type == "story" else None
    await work.targets.block(case.target, clock())
    await unlist(work, case.target.type, case.target.id, clock())
    if story is not None and story.is_shown:
        await work.tell(StoryUnpublished(withdrawn(story, clock()), _BY_DESK))


async def _found(work: DeskWork, case_id: UUID) -> ModerationCase:
    case = await work.desk.find(case_id, lock=True)
    if case is None:
        raise ModerationCaseUnknown
    return case
