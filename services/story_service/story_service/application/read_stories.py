"""A reader's own stories and generations; other people's do not exist."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from story_service.application.own_story import own_story
from story_service.application.ports import StartWork
from story_service.domain.errors import GenerationUnknown, StoryUnknown
from story_service.domain.generation import Generation
from story_service.domain.ids import GenerationId, StoryId, UserId
from story_service.domain.story import Story


@dataclass(frozen=True, slots=True)
class ReadStories:
    """Reads, in a transaction as short as the read."""

    start_work: StartWork

    async def one(self, user_id: UserId, story_id: StoryId) -> Story:
        """Raise StoryUnknown for what is not this reader's."""
        async with self.start_work() as work:
            return await own_story(work, user_id, story_id)

    async def latest(self, user_id: UserId) -> Story:
        """Raise StoryUnknown when none is ready."""
        async with self.start_work() as work:
            story = await work.stories.latest_of(user_id)
        if story is None:
            raise StoryUnknown
        return story

    async def page(self, user_id: UserId, *, before: tuple[datetime, UUID] | None, most: int) -> Sequence[Story]:
        """Return the newest first."""
        async with self.start_work() as work:
            return await work.stories.of(user_id, before=before, most=most)

    async def generation(self, user_id: UserId, generation_id: GenerationId) -> Generation:
        """Raise GenerationUnknown for what is not this reader's."""
        async with self.start_work() as work:
            generation = await work.generations.find(generation_id)
        if generation is None or generation.user_id != user_id:
            raise GenerationUnknown
        return generation
