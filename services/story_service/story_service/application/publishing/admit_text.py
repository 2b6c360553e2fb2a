"""Has the whole text of a story judged before others read it."""

from dataclasses import dataclass

from story_service.application.ports import Clock, Moderator, NewId, StartWork
from story_service.domain.cases.objections import objections
from story_service.domain.errors import PublishBlocked
from story_service.domain.events import ModerationDecided
from story_service.domain.ids import DecisionId
from story_service.domain.moderation import Decision, Verdict, digest
from story_service.domain.publishing.publishing import pieces, together
from story_service.domain.story import Story

_RULES, _RULES_VERSION = "rules", "case-1"


@dataclass(frozen=True, slots=True)
class AdmitText:
    """A text that is turned away leaves a decision, against which its reader may appeal."""

    start_work: StartWork
    moderator: Moderator
    now: Clock
    new_id: NewId

    async def __call__(self, story: Story) -> Decision:
        """Return the decision that lets it out. Raises PublishBlocked, ModerationUnavailable."""
        verdict, provider, policy = await self._by_case(story), _RULES, _RULES_VERSION
        if not verdict.is_block:
            verdict = together([await self.moderator.judge(piece) for piece in pieces(story.title, story.body)])
            provider, policy = self.moderator.provider, self.moderator.policy_version
        decision = Decision(
            DecisionId(self.new_id()),
            story.user_id,
            story.id,
            "publish",
            provider,
            policy,
            "block" if verdict.is_block else "allow",
            verdict.reasons,
            verdict.categories,
            digest(f"{story.title}\n\n{story.body}"),
            self.now(),
        )
        if verdict.is_block:
            async with self.start_work() as work:
                await work.record(decision)
                await work.tell(ModerationDecided(decision))
                await work.commit()
            raise PublishBlocked(verdict.reasons)
        return decision

    async def _by_case(self, story: Story) -> Verdict:
        """Return what the case that the story rests on has against it, before any model is asked."""
        if story.case_id is None:
            return Verdict()
        async with self.start_work() as work:
            file = await work.case_files.find(story.case_id)
        return Verdict(objections(file, f"{story.title}\n\n{story.body}", story.truth_mode) if file else ())
