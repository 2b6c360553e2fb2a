"""A person reads what was written for the library, and says whether it goes there."""

from collections.abc import Sequence
from dataclasses import dataclass

from story_service.application.catalog.listing import list_house_story
from story_service.application.ports import Clock, NewId, StartWork, Work
from story_service.domain.errors import StoryUnknown
from story_service.domain.events import ModerationDecided
from story_service.domain.ids import DecisionId, StoryId, UserId
from story_service.domain.library import HouseStory
from story_service.domain.moderation import Decision, digest

_PROVIDER, _POLICY_VERSION = "reviewer", "house-1"


@dataclass(frozen=True, slots=True)
class ReviewHouseStories:
    """Every answer is a decision with the name of who gave it. Of two reviewers at once the first one decides."""

    start_work: StartWork
    now: Clock
    new_id: NewId

    async def waiting(self, most: int) -> Sequence[HouseStory]:
        """Return what waits, the oldest first."""
        async with self.start_work() as work:
            return await work.library.waiting(most)

    async def one(self, story_id: StoryId) -> HouseStory:
        """Raise StoryUnknown for what does not wait."""
        async with self.start_work() as work:
            return await self._waiting(work, story_id)

    async def approve(self, story_id: StoryId, reviewer: UserId) -> HouseStory:
        """Publish a story. Raises StoryUnknown for what does not wait."""
        async with self.start_work() as work:
            story = await self._waiting(work, story_id)
            await work.library.publish(story_id, self.now())
            await list_house_story(work, story, self.now())
            await work.record(self._decision(story, reviewer, ()))
            await work.commit()
        return story

    async def turn_down(self, story_id: StoryId, reviewer: UserId, reason: str) -> HouseStory:
        """Withdraw a story for a reason. Raises StoryUnknown for what does not wait."""
        async with self.start_work() as work:
            story = await self._waiting(work, story_id)
            decision = self._decision(story, reviewer, (reason,))
            await work.library.turn_down(story_id, self.now())
            await work.record(decision)
            await work.tell(ModerationDecided(decision))
            await work.commit()
        return story

    async def _waiting(self, work: Work, story_id: StoryId) -> HouseStory:
        story = await work.library.waits(story_id)
        if story is None:
            raise StoryUnknown
        return story

    def _decision(self, story: HouseStory, reviewer: UserId, reasons: tuple[str, ...]) -> Decision:
        return Decision(
            DecisionId(self.new_id()),
            None,
            story.id,
            "publish",
            _PROVIDER,
            _POLICY_VERSION,
            "block" if reasons else "allow",
            reasons,
            {},
            digest(f"{story.title}\n\n{story.body}"),
            self.now(),
            decided_by=reviewer,
        )
