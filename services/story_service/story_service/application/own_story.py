"""Finds a reader's own story; other people's do not exist."""

from story_service.application.ports import Work
from story_service.domain.errors import StoryUnknown
from story_service.domain.ids import StoryId, UserId
from story_service.domain.story import Story


async def own_story(work: Work, user_id: UserId, story_id: StoryId, *, lock: bool = False) -> Story:
    """Return it, held to the end of the work if it is to be changed. Raises StoryUnknown."""
    story = await work.stories.find(story_id, lock=lock)
    if story is None or story.user_id != user_id:
        raise StoryUnknown
    return story
