"""The library over the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import StringConstraints

from story_service.api.schemas import CopiedFromOut, Wire, source_out
from story_service.domain.library import LibraryStory

Words = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
TruthModeName = Literal["fiction", "inspired", "documented"]
SortName = Literal["newest", "popular", "title"]


class LibrarySummary(Wire):
    """A published story without its text; the label is part of every representation."""

    id: UUID
    title: str
    synopsis: str
    origin: Literal["generated", "house", "cloned"]
    source: CopiedFromOut | None
    truth_mode: TruthModeName
    label: str
    language: str
    views: int
    version: int
    published_at: datetime

    @classmethod
    def of(cls, story: LibraryStory) -> Self:
        """Show a story in a list."""
        return cls.model_validate(_summary(story))


class LibraryPreview(LibrarySummary):
    """A published story with its beginning: what everybody may read."""

    excerpt: str

    @classmethod
    def of(cls, story: LibraryStory) -> Self:
        """Show how a story begins."""
        return cls.model_validate({**_summary(story), "excerpt": story.excerpt})


class LibraryStoryOut(LibraryPreview):
    """A published story, whole."""

    body: str

    @classmethod
    def of(cls, story: LibraryStory) -> Self:
        """Show a story with its text."""
        return cls.model_validate({**_summary(story), "excerpt": story.excerpt, "body": story.body})


def _summary(story: LibraryStory) -> dict[str, Any]:
    return {
        "id": story.id,
        "title": story.title,
        "synopsis": story.synopsis,
        "origin": story.origin.value,
        "source": source_out(story.source),
        "truth_mode": story.truth_mode.value,
        "label": story.label,
        "language": story.language,
        "views": story.views,
        "version": story.version,
        "published_at": story.published_at,
    }
