"""A text that a story has or had. Undoing and redoing add revisions; none is ever rewritten."""

from dataclasses import dataclass
from datetime import datetime

from story_service.domain.excerpts import beginning
from story_service.domain.ids import GenerationId, StoryId, UserId
from story_service.domain.story import Story

MOST_KEPT = 100
LONGEST_BODY = 60_000
_EXCERPT = 200


@dataclass(frozen=True, slots=True)
class Revision:
    """The text that a story has from `version` on. `generation_id` wrote it; one that a reader wrote has none."""

    story_id: StoryId
    version: int
    title: str
    body: str
    generation_id: GenerationId | None
    author_id: UserId | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RevisionLine:
    """A revision in a list; `start` is more of the text than the excerpt needs."""

    version: int
    title: str
    start: str
    characters: int
    generation_id: GenerationId | None
    created_at: datetime

    @property
    def excerpt(self) -> str:
        """How the text begins."""
        return beginning(self.start, _EXCERPT)


def first(story: Story) -> Revision:
    """Return the text of a story that has no revisions yet, as its first."""
    return Revision(story.id, story.version, story.title, story.body, story.generation_id, None, story.updated_at)


def line(revision: Revision) -> RevisionLine:
    """Return how a list shows it."""
    made = revision
    return RevisionLine(made.version, made.title, made.body, len(made.body), made.generation_id, made.created_at)
