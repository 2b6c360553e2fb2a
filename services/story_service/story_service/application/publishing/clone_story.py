"""Makes a reader's own copy of a published story."""

from dataclasses import dataclass

from story_service.application.attempts import AttemptKey
from story_service.application.ports import Clock, NewId, StartWork, Subscriptions
from story_service.domain.errors import StoryUnknown
from story_service.domain.events import StoryCloned
from story_service.domain.ids import StoryId, UserId
from story_service.domain.library import FULL_TEXT
from story_service.domain.publishing.publishing import clone, demand_room_to_clone
from story_service.domain.story import Story


@dataclass(frozen=True, slots=True)
class Cloned:
    """A new copy, and whether this attempt had been answered before."""

    story: Story
    replayed: bool


@dataclass(frozen=True, slots=True)
class CloneStory:
    """No model is asked and nothing is charged; the plan says how many copies are kept."""

    start_work: StartWork
    subscriptions: Subscriptions
    now: Clock
    new_id: NewId

    async def __call__(self, user_id: UserId, source_id: StoryId, key: AttemptKey) -> Cloned:
        """Raise StoryUnknown for what is not on the shelf, SubscriptionRequired, RetentionLimitReached."""
        now = self.now()
        async with self.start_work() as work:
            if kept := await work.clones.answer(user_id, key, now):
                return Cloned(kept, replayed=True)
        access = await self.subscriptions.access(user_id)
        async with self.start_work() as work:
            if kept := await work.clones.claim(user_id, key, now):
                return Cloned(kept, replayed=True)
            await work.usage.lock(user_id)
            found = await work.library.find(source_id, user_id, now.date())
            if found is None or not found.story.is_listed:
                raise StoryUnknown
            if found.story.author_id != user_id:
                access.demand(FULL_TEXT)
            demand_room_to_clone(access, await work.stories.pinned_of(user_id))
            story = clone(found.story, StoryId(self.new_id()), user_id, now)
            await work.stories.add(story)
            await work.clones.keep(user_id, key, story)
            await work.tell(StoryCloned(story, found.story.author_id))
            await work.commit()
        return Cloned(story, replayed=False)
