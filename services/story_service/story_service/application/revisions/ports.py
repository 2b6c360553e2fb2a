"""What the use cases of revisions need from outside."""

from collections.abc import Sequence
from typing import Protocol

from story_service.domain.ids import StoryId
from story_service.domain.revisions.revision import Revision, RevisionLine


class Revisions(Protocol):
    """Texts of stories that were changed: the newest of a story is the one that it has."""

    async def of(self, story_id: StoryId) -> Sequence[RevisionLine]:
        """Return the newest first; none for a story that was never changed."""
        ...

    async def find(self, story_id: StoryId, version: int) -> Revision | None: ...

    async def has(self, story_id: StoryId) -> bool:
        """Tell whether a story was ever changed."""
        ...

    async def add(self, *revisions: Revision) -> None: ...

    async def forget(self, story_id: StoryId, kept: int) -> None:
        """Remove all but the newest `kept`."""
        ...
