"""Ways onto the desk: a reader's report, a request from outside, an appeal."""

from collections.abc import Callable
from dataclasses import dataclass

from story_service.application.attempts import AttemptKey
from story_service.application.cases.own_cases import Answer
from story_service.application.cases.ports import Document
from story_service.application.desk.ports import DeskWork, HumanCheck, SeenTarget, StartDeskWork
from story_service.application.ports import Clock, NewId
from story_service.domain.desk.errors import (
    AlreadyAppealed,
    AlreadyReported,
    DecisionUnknown,
    NotHuman,
    TargetUnknown,
    WindowClosed,
)
from story_service.domain.desk.events import ModerationCaseOpened
from story_service.domain.desk.moderation_case import CaseKind, ModerationCase, Target
from story_service.domain.desk.strikes import APPEAL_WINDOW
from story_service.domain.ids import DecisionId, UserId

REPORT, TAKEDOWN = "POST /story/v1/reports", "POST /story/v1/takedown-requests"
_CREATED, _ACCEPTED = 201, 202
_ANYBODY = "anybody"
_APPEALABLE = frozenset({"block", "flag"})
Show = Callable[[ModerationCase], Document]


@dataclass(frozen=True, slots=True)
class Report:
    """What a reader says is wrong."""

    target: Target
    reason: str
    statement: str


@dataclass(frozen=True, slots=True)
class TakedownRequest:
    """What somebody wants to be taken down, by which right, and where the answer goes."""

    target: Target
    contact: str
    legal_basis: str
    statement: str
    check_token: str | None = None


@dataclass(frozen=True, slots=True)
class OpenCases:
    """Everything that somebody asks for becomes a case with a day when it is due."""

    start_work: StartDeskWork
    human: HumanCheck
    now: Clock
    new_id: NewId

    async def report(self, user_id: UserId, report: Report, key: AttemptKey, show: Show) -> Answer:
        """Raises TargetUnknown for what this reader cannot see, AlreadyReported."""
        async with self.start_work() as work:
            if kept := await work.answers.claim(str(user_id), REPORT, key, self.now()):
                return Answer(kept, replayed=True)
            seen = await _visible(work, report.target, user_id)
            case = self._case(
                CaseKind.REPORT,
                seen,
                statement=report.statement,
                reason=report.reason,
                opened_by=user_id,
            )
            if not await work.desk.open(case):
                raise AlreadyReported
            return await _kept(work, case, (str(user_id), REPORT, key, _CREATED), show)

    async def request_takedown(self, request: TakedownRequest, key: AttemptKey, show: Show) -> Answer:
        """Needs no account. Raises NotHuman, TargetUnknown for what is not public."""
        if not await self.human.passes(request.check_token):
            raise NotHuman
        async with self.start_work() as work:
            if kept := await work.answers.claim(_ANYBODY, TAKEDOWN, key, self.now()):
                return Answer(kept, replayed=True)
            case = self._case(
                CaseKind.TAKEDOWN,
                await _visible(work, request.target, None),
                statement=request.statement,
                legal_basis=request.legal_basis,
                reporter_contact=request.contact,
            )
            await work.desk.open(case)
            return await _kept(work, case, (_ANYBODY, TAKEDOWN, key, _ACCEPTED), show)

    async def appeal(self, user_id: UserId, decision_id: DecisionId, statement: str) -> ModerationCase:
        """Raises DecisionUnknown for one about somebody else, AlreadyAppealed, WindowClosed."""
        now = self.now()
        async with self.start_work() as work:
            decision = await work.desk.decision(decision_id)
            if decision is None or decision.subject != user_id or decision.verdict not in _APPEALABLE:
                raise DecisionUnknown
            if now > decision.decided_at + APPEAL_WINDOW:
                raise WindowClosed
            case = ModerationCase.opened(
                self.new_id(),
                CaseKind.APPEAL,
                Target(decision.target_type, decision.target_id),
                now,
                statement=statement,
                subject=user_id,
                opened_by=user_id,
                appealed_decision=decision_id,
                appealed_decider=decision.decided_by,
            )
            if not await work.desk.open(case):
                raise AlreadyAppealed
            await work.tell(ModerationCaseOpened(case))
            await work.commit()
        return case

    def _case(self, kind: CaseKind, seen: SeenTarget, **facts: object) -> ModerationCase:
        return ModerationCase.opened(self.new_id(), kind, seen.target, self.now(), subject=seen.owner_id, **facts)


async def _visible(work: DeskWork, target: Target, user_id: UserId | None) -> SeenTarget:
    seen = await work.targets.find(target)
    if seen is None or not (seen.is_public or (user_id is not None and seen.owner_id == user_id)):
        raise TargetUnknown
    return seen


async def _kept(work: DeskWork, case: ModerationCase, attempt: tuple[str, str, AttemptKey, int], show: Show) -> Answer:
    await work.tell(ModerationCaseOpened(case))
    body = show(case)
    await work.answers.keep(*attempt, body)
    await work.commit()
    return Answer(body, replayed=False)
