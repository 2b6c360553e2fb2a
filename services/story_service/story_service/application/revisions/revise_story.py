"""A reader changes a story of one's own, and takes changes back."""

from collections.abc import Sequence
from dataclasses import dataclass

from story_service.application.own_story import demand_unwritten, own_story
from story_service.application.ports import Clock, StartWork
from story_service.application.revisions.revise import revise
from story_service.domain.errors import RevisionUnknown
from story_service.domain.ids import StoryId, UserId
from story_service.domain.revisions.revision import RevisionLine, first, line
from story_service.domain.story import Story


@dataclass(frozen=True, slots=True)
class ReviseStory:
    """Each change names the version that its reader has seen; of two at once, the second one is refused."""

    start_work: StartWork
    now: Clock

    async def edit(
        self, user_id: UserId, story_id: StoryId, *, title: str | None, body: str | None, version: int
    ) -> Story:
        """Write what is given. Raises StoryUnknown, VersionConflict, StoryNotReady, StoryIsPublished,

        StoryBeingWritten.
        """
        async with self.start_work() as work:
            story = await own_story(work, user_id, story_id, lock=True)
            story.demand_version(version)
            await demand_unwritten(work, story)
            wanted = (title or story.title, body or story.body)
            if wanted == (story.title, story.body):
                return story
            edited = await revise(work, story, *wanted, self.now(), by=user_id)
            await work.commit()
        return edited

    async def restore(self, user_id: UserId, story_id: StoryId, revision: int, *, version: int) -> Story:
        """Bring an older or a newer text back. Raises as `edit` does, and RevisionUnknown."""
        async with self.start_work() as work:
            story = await own_story(work, user_id, story_id, lock=True)
            story.demand_version(version)
            await demand_unwritten(work, story)
            kept = await work.revisions.find(story_id, revision)
            if kept is None:
                raise RevisionUnknown
            text, writer = (kept.title, kept.body), kept.generation_id
            restored = await revise(work, story, *text, self.now(), by=user_id, generation_id=writer)
            await work.commit()
        return restored

    async def revisions(self, user_id: UserId, story_id: StoryId) -> Sequence[RevisionLine]:
        """Return the texts of a story, the one that it has first. Raises StoryUnknown."""
        async with self.start_work() as work:
            story = await own_story(work, user_id, story_id)
            return await work.revisions.of(story_id) or [line(first(story))]
