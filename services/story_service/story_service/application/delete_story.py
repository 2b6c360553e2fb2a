"""Hides a story from its reader; the row is purged later."""

from dataclasses import dataclass

from story_service.application.ports import Clock, StartWork
from story_service.domain.errors import StoryUnknown
from story_service.domain.ids import StoryId, UserId


@dataclass(frozen=True, slots=True)
class DeleteStory:
    """Deleting twice is deleting once: the second time there is no such story."""

    start_work: StartWork
    now: Clock

    async def __call__(self, user_id: UserId, story_id: StoryId) -> None:
        """Raise StoryUnknown for what is not this reader's."""
        async with self.start_work() as work:
            await work.usage.lock(user_id)
            story = await work.stories.find(story_id)
            if story is None or story.user_id != user_id:
                raise StoryUnknown
            await work.stories.delete(story, self.now())
            await work.commit()
