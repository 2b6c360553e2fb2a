"""Changes of stories over the wire."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StringConstraints

from story_service.api.schemas import Wire
from story_service.domain.revisions.revision import LONGEST_BODY, RevisionLine

_HAS_WORDS = r"^[^\x00]*[^\x00\s][^\x00]*$"
Title = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*[^\x00-\x1f\s][^\x00-\x1f]*$"),
]
Body = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=LONGEST_BODY, pattern=_HAS_WORDS)]


class StoryPatch(Wire):
    """What is to change; what is absent or null stays. The truth mode, and with it the label, cannot be changed."""

    title: Title | None = None
    body: Body | None = None


class RevisionOut(Wire):
    """A text that a story has or had. `generation_id` is null where a reader wrote it."""

    version: int
    title: str
    excerpt: str
    characters: int
    generation_id: UUID | None
    created_at: datetime
    is_current: bool

    @classmethod
    def of(cls, revision: RevisionLine, *, is_current: bool) -> Self:
        """Show a revision in a list."""
        return cls(
            version=revision.version,
            title=revision.title,
            excerpt=revision.excerpt,
            characters=revision.characters,
            generation_id=revision.generation_id,
            created_at=revision.created_at,
            is_current=is_current,
        )


class RevisionsOut(Wire):
    """The texts of a story, the one that it has first; the oldest of many are gone."""

    items: Annotated[list[RevisionOut], Field(min_length=1)]
