"""The library: stories that everybody may find, and whoever has the entitlement may read."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from story_service.domain.excerpts import beginning
from story_service.domain.ids import StoryId, UserId
from story_service.domain.story import LABELS, Origin, Source, TruthMode

FULL_TEXT = "library.full"
_EXCERPT, _SYNOPSIS = 400, 240


class Sort(StrEnum):
    """The order of a shelf."""

    NEWEST = "newest"
    POPULAR = "popular"
    TITLE = "title"


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a reader looks for, and in which order."""

    words: str | None = None
    truth_mode: TruthMode | None = None
    sort: Sort = Sort.NEWEST


Position = tuple[datetime | int | str, StoryId]


@dataclass(frozen=True, slots=True)
class LibraryStory:
    """A story that others can read, on the shelf if `is_listed`. House stories have no author, in lists no body."""

    id: StoryId
    author_id: UserId | None
    origin: Origin
    title: str
    synopsis: str
    truth_mode: TruthMode
    language: str
    version: int
    published_at: datetime
    views: int = 0
    body: str = ""
    source: Source | None = None
    is_listed: bool = True
    case_id: UUID | None = None

    @property
    def label(self) -> str:
        """The truth label of every representation."""
        return LABELS[self.truth_mode]

    @property
    def excerpt(self) -> str:
        """What somebody without access may read of the text: never more than a third of a short one."""
        return beginning(self.body, min(_EXCERPT, len(self.body) // 3))

    def position(self, sort: Sort) -> Position:
        """Return where the story stands on a shelf."""
        keys: dict[Sort, datetime | int | str] = {
            Sort.NEWEST: self.published_at,
            Sort.POPULAR: self.views,
            Sort.TITLE: self.title,
        }
        return keys[sort], self.id


@dataclass(frozen=True, slots=True)
class HouseStory:
    """A story of the house on its way to the library: moderated, and read by a person before it is published."""

    id: StoryId
    title: str
    synopsis: str
    body: str
    truth_mode: TruthMode
    is_moderated: bool
    created_at: datetime


def synopsis_of(body: str) -> str:
    """Return a synopsis of a text that came without one: how it begins."""
    return beginning(body, _SYNOPSIS)
