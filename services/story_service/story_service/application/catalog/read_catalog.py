"""Finding: by the beginning of a title, by words, by popularity."""

from collections.abc import Sequence
from dataclasses import dataclass

from story_service.application.catalog.ports import Place
from story_service.application.ports import StartWork
from story_service.domain.catalog.entry import EntryType, Hit
from story_service.domain.catalog.folding import fold, typed
from story_service.domain.catalog.index import CatalogIndex

MOST_COMPLETIONS = 10
_MOST_WORDS = 12


@dataclass(slots=True)
class Completions:
    """The index of this process: none until it is made, replaced whole when it is made anew."""

    index: CatalogIndex | None = None


@dataclass(frozen=True, slots=True)
class ReadCatalog:
    """Completes from memory; without an index, Postgres answers, and forgives no typo."""

    start_work: StartWork
    completions: Completions

    async def complete(self, text: str) -> Sequence[Hit]:
        """Return a few entries for what somebody has typed so far."""
        wanted = typed(text)
        if not wanted:
            return []
        if index := self.completions.index:
            return index.complete(wanted, MOST_COMPLETIONS)
        async with self.start_work() as work:
            return await work.catalog.complete(wanted, MOST_COMPLETIONS)

    async def search(self, text: str, types: Sequence[EntryType], *, after: Place | None, most: int) -> Sequence[Hit]:
        """Return entries with all words of the text; a word that no title has may be one with a typo."""
        words = fold(text).split()[:_MOST_WORDS]
        if not words:
            return []
        index = self.completions.index
        meant = [index.words_near(word) if index else [word] for word in words]
        async with self.start_work() as work:
            return await work.catalog.search(meant, types, after=after, most=most)

    async def popular(self, types: Sequence[EntryType], most: int) -> Sequence[Hit]:
        """Return the most popular."""
        async with self.start_work() as work:
            return await work.catalog.popular(types, most)
