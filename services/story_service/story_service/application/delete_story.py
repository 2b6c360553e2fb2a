"""Hides a story from its reader; the row is purged later."""

from dataclasses import dataclass, replace

from story_service.application.own_story import own_story
from story_service.application.ports import Clock, StartWork
from story_service.application.publishing.publish_story import DELETED
from story_service.domain.catalog.entry import EntryType
from story_service.domain.events import StoryUnpublished
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
            story, now = await own_story(work, user_id, story_id, lock=True), self.now()
            await work.stories.delete(story, now)
            await work.catalog.remove(EntryType.STORY, story_id, now)
            if story.is_shown:
                await work.tell(StoryUnpublished(replace(story, version=story.version + 1, updated_at=now), DELETED))
            await work.commit()
