"""What the use cases of the catalog need from outside."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from story_service.domain.catalog.entry import CatalogEntry, EntryType, Hit

Place = tuple[int, UUID]
"""Where a page ended: popularity and id."""


class Catalog(Protocol):
    """What everybody may find. Whoever publishes, changes or withdraws something says so here, in the same work."""

    async def put(self, entry: CatalogEntry, now: datetime) -> None:
        """List an entry, or change how it is listed. The popularity of one that is there stays."""
        ...

    async def remove(self, entry_type: EntryType, entry_id: UUID, now: datetime) -> None:
        """List it no more; nothing happens where it is not listed."""
        ...

    async def search(
        self, words: Sequence[Sequence[str]], types: Sequence[EntryType], *, after: Place | None, most: int
    ) -> Sequence[Hit]:
        """Return entries with one of each group of words in title or summary, the most popular first."""
        ...

    async def complete(self, typed: str, most: int) -> Sequence[Hit]:
        """Return entries whose title begins so: the most popular of the first of them, which bounds the work."""
        ...

    async def popular(self, types: Sequence[EntryType], most: int) -> Sequence[Hit]:
        """Return the most popular."""
        ...

    async def count_views(self, now: datetime, most: int) -> int:
        """Let stories be as popular as they are read; return how many changed."""
        ...

    async def forget_removed(self, before: datetime, most: int) -> int:
        """Remove for good what was listed before that instant and is no more."""
        ...
