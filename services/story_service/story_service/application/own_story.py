"""Finds a reader's own story, and whether a model writes into it; other people's do not exist."""

from story_service.application.ports import Work
from story_service.domain.continuing.continuation import CONTINUATION, REWRITE
from story_service.domain.errors import StoryBeingWritten, StoryUnknown
from story_service.domain.ids import GenerationId, StoryId, UserId
from story_service.domain.story import Story

WRITING = frozenset({CONTINUATION, REWRITE})


async def own_story(work: Work, user_id: UserId, story_id: StoryId, *, lock: bool = False) -> Story:
    """Return it, held to the end of the work if it is to be changed. Raises StoryUnknown."""
    story = await work.stories.find(story_id, lock=lock)
    if story is None or story.user_id != user_id:
        raise StoryUnknown
    return story


async def demand_unwritten(work: Work, story: Story, *, besides: GenerationId | None = None) -> None:
    """Raise StoryBeingWritten while a model goes on with the story, which the caller holds."""
    if await work.generations.open_at(story.user_id, story.id, WRITING, besides=besides):
        raise StoryBeingWritten
