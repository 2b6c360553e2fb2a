"""Reads the stories of a case again when the law says something else of a person in it."""

from dataclasses import dataclass

from story_service.application.cases.ports import Dependent, Recheck
from story_service.application.desk.ports import DeskWork, StartDeskWork
from story_service.application.ports import Clock, NewId
from story_service.domain.cases.case_file import CaseFile
from story_service.domain.cases.changes import is_worse
from story_service.domain.cases.guard import names
from story_service.domain.cases.objections import GUILT, objections
from story_service.domain.desk.events import ModerationCaseOpened
from story_service.domain.desk.moderation_case import CaseKind, ModerationCase, Target
from story_service.domain.desk.strikes import LEGAL_STATUS_CHANGED
from story_service.domain.events import ModerationDecided, StoryUnpublished
from story_service.domain.ids import DecisionId
from story_service.domain.moderation import Decision, digest
from story_service.domain.publishing.publishing import withdrawn
from story_service.domain.story import TruthMode

_PROVIDER, _POLICY_VERSION = "rules", "case-1"
_AT_ONCE = 50
_STATEMENT = (
    "The legal status of a person in the case that this story rests on has changed. Your story names that person, so"
    " nobody else can read it until somebody has looked at it. This is no strike against you."
)


@dataclass(frozen=True, slots=True)
class RecheckStories:
    """A batch a call. What calls the person guilty, or names them when a conviction fell, waits for a reviewer."""

    start_work: StartDeskWork
    now: Clock
    new_id: NewId

    async def __call__(self) -> bool:
        """Return whether there may be more."""
        async with self.start_work() as work:
            recheck = await work.rechecks.next()
            if recheck is None:
                return False
            file = await work.cases.find(recheck.case_id)
            stories = await work.rechecks.dependents(recheck, _AT_ONCE) if file else []
            for story in stories:
                if file and (reasons := _reasons(recheck, file, story)):
                    await self._flag(work, story, reasons)
            if len(stories) == _AT_ONCE:
                await work.rechecks.advance(recheck, stories[-1].id)
            else:
                await work.rechecks.end(recheck)
            await work.commit()
        return True

    async def _flag(self, work: DeskWork, story: Dependent, reasons: tuple[str, ...]) -> None:
        now, target = self.now(), Target("story", story.id)
        own = await work.stories.find(story.id)
        await work.rechecks.flag(story.id, now)
        decision = Decision(
            DecisionId(self.new_id()),
            story.user_id,
            story.id,
            "publish",
            _PROVIDER,
            _POLICY_VERSION,
            "flag",
            reasons,
            {},
            digest(story.text),
            now,
            statement=_STATEMENT,
        )
        await work.record(decision)
        case = ModerationCase.opened(
            self.new_id(),
            CaseKind.FLAG,
            target,
            now,
            statement=_STATEMENT,
            subject=story.user_id,
            reason=LEGAL_STATUS_CHANGED,
        )
        await work.desk.open(case)
        await work.tell(ModerationDecided(decision), ModerationCaseOpened(case))
        if own is not None and own.is_shown:
            await work.tell(StoryUnpublished(withdrawn(own, now), "moderation"))


def _reasons(recheck: Recheck, file: CaseFile, story: Dependent) -> tuple[str, ...]:
    person = next((one for one in file.persons if one.id == recheck.change.person_id), None)
    if person is None:
        return ()
    calls_guilty = GUILT in objections(file, story.text, TruthMode.INSPIRED)
    if calls_guilty or (is_worse(recheck.change) and names(story.text, person)):
        return (LEGAL_STATUS_CHANGED, GUILT) if calls_guilty else (LEGAL_STATUS_CHANGED,)
    return ()
