"""What a story rests on: its sentences, and the sources of its case."""

from dataclasses import dataclass

from story_service.application.cases.ports import CitedStory, StartCaseWork
from story_service.domain.cases.case_file import CaseFile
from story_service.domain.cases.citations import Citations, cite
from story_service.domain.errors import StoryUnknown
from story_service.domain.ids import StoryId, UserId


@dataclass(frozen=True, slots=True)
class ReadCitations:
    """Computed from the text as it stands: an edit needs no second act to be told truly."""

    start_work: StartCaseWork

    async def __call__(self, user_id: UserId, story_id: StoryId) -> tuple[CitedStory, CaseFile | None, Citations]:
        """Return them for one's own story and for a published one. Raises StoryUnknown."""
        async with self.start_work() as work:
            story = await work.cases.story(story_id)
            if story is None or not (story.user_id == user_id or story.is_published):
                raise StoryUnknown
            file = await work.cases.find(story.case_id) if story.case_id else None
        return story, file, cite(story.body, file) if file else Citations(())
