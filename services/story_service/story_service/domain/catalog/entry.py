"""What the catalog finds: stories, cases, characters, and titles that were loaded."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from story_service.domain.catalog.folding import key_of
from story_service.domain.story import TruthMode


class EntryType(StrEnum):
    """What an entry stands for."""

    STORY = "story"
    CASE = "case"
    CHARACTER = "character"
    TITLE = "title"


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """Something that everybody may find; `summary` is looked into by a search, not by the completion of titles."""

    type: EntryType
    id: UUID
    title: str
    summary: str = ""
    popularity: int = 0
    truth_mode: TruthMode | None = None
    language: str | None = None

    @property
    def key(self) -> str:
        """Return what the title is found by."""
        return key_of(self.title)


@dataclass(frozen=True, slots=True)
class Hit:
    """A found entry, as little of it as a list of suggestions shows."""

    type: EntryType
    id: UUID
    title: str
    popularity: int
    truth_mode: TruthMode | None = None

    @property
    def place(self) -> tuple[int, UUID]:
        """Return where it stands: the most popular first, of equals the higher id."""
        return self.popularity, self.id
