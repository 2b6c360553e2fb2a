"""What the use cases of analyses need from outside."""

from collections.abc import Sequence
from typing import Protocol

from story_service.domain.analysing.analysis import Analysis
from story_service.domain.ids import StoryId


class Analyses(Protocol):
    """Answers about texts of stories; they go with their story."""

    async def of(self, story_id: StoryId, text_sha256: bytes) -> Sequence[Analysis]:
        """Return those about one text, by kind."""
        ...

    async def keep(self, *analyses: Analysis) -> None:
        """Add them; of two answers to one question the first stays."""
        ...
