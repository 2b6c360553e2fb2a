"""What the library's use cases need from outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from story_service.domain.ids import StoryId, UserId
from story_service.domain.library import HouseStory, LibraryStory, Position, Shelf


@dataclass(frozen=True, slots=True)
class Found:
    """A story with its text, and whether this reader's view of this day is counted already."""

    story: LibraryStory
    is_seen: bool


class Library(Protocol):
    """Published stories that are not deleted, and house stories on their way there."""

    async def page(self, shelf: Shelf, *, after: Position | None, most: int) -> Sequence[LibraryStory]:
        """Return stories without their text, in the shelf's order, from behind `after`."""
        ...

    async def find(self, story_id: StoryId, viewer: UserId, day: date) -> Found | None:
        """Return a story with its text, on the shelf or unlisted."""
        ...

    async def view(self, story_id: StoryId, viewer: UserId, now: datetime) -> int | None:
        """Count this reader's view of this UTC day; return the new sum, None when it was counted before."""
        ...

    async def forget_viewers(self, before: date, most: int) -> int:
        """Remove who has viewed what before that day; the sums stay."""
        ...

    async def open_counter(self, story_id: StoryId, now: datetime) -> None:
        """Begin to count what is shown, unless that was done before: only what is counted can be popular."""
        ...

    async def submit(self, story: HouseStory) -> None:
        """Add a house story that waits for review."""
        ...

    async def waiting(self, most: int) -> Sequence[HouseStory]:
        """Return house stories that wait for review, the oldest first."""
        ...

    async def waits(self, story_id: StoryId) -> HouseStory | None:
        """Return one that waits, locked until the work ends."""
        ...

    async def publish(self, story_id: StoryId, now: datetime) -> None:
        """Put a story that waits on the shelf."""
        ...

    async def turn_down(self, story_id: StoryId, now: datetime) -> None:
        """Withdraw a story that waits, for good."""
        ...
