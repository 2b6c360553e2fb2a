"""A case file: what is known of a case, who is in it, and which source says so. The file is changed as one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from story_service.domain.cases.errors import CaseFull, FactUnknown, PersonUnknown, SourceUnknown
from story_service.domain.character import Visibility
from story_service.domain.errors import NotTheOwner, VersionConflict
from story_service.domain.ids import UserId
from story_service.domain.story import TruthMode

OWN = "cases.own"
MOST_SOURCES, MOST_PERSONS, MOST_FACTS = 200, 200, 500
LABELS = {
    TruthMode.FICTION: "Invented case",
    TruthMode.INSPIRED: "Inspired by real events",
    TruthMode.DOCUMENTED: "Documented case, each fact with its source",
}


class CaseStatus(StrEnum):
    """How far the case has come."""

    UNKNOWN = "unknown"
    OPEN = "open"
    COLD = "cold"
    SOLVED = "solved"
    FICTION = "fiction"


class SourceKind(StrEnum):
    """Where a source comes from."""

    COURT = "court"
    POLICE = "police"
    NEWS = "news"
    BOOK = "book"
    ACADEMIC = "academic"
    ENCYCLOPEDIA = "encyclopedia"
    ARCHIVE = "archive"
    OTHER = "other"


class Role(StrEnum):
    """What a person is in the case."""

    VICTIM = "victim"
    SUSPECT = "suspect"
    CONVICTED = "convicted"
    WITNESS = "witness"
    INVESTIGATOR = "investigator"
    FAMILY = "family"
    OTHER = "other"


class LegalStatus(StrEnum):
    """What the law says of a person, in this case."""

    NONE = "none"
    ACCUSED = "accused"
    CHARGED = "charged"
    CONVICTED = "convicted"
    ACQUITTED = "acquitted"
    EXONERATED = "exonerated"


class FactStatus(StrEnum):
    """Whether a fact stands; a retracted one is kept, and told to nobody but its owner."""

    ASSERTED = "asserted"
    DISPUTED = "disputed"
    RETRACTED = "retracted"


class Precision(StrEnum):
    """How exactly the time of a fact is known."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"
    CIRCA = "circa"


@dataclass(frozen=True, slots=True)
class Source:
    """What a fact rests on. `ref_no` is its number in citations `[n]` and is never given again."""

    id: UUID
    ref_no: int
    kind: SourceKind
    title: str
    url: str | None = None
    publisher: str | None = None
    published_on: date | None = None
    excerpt: str = ""
    reliability: int = 2
    retracted_at: datetime | None = None

    @property
    def stands(self) -> bool:
        """Whether it may be cited."""
        return self.retracted_at is None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the case. A conviction is worth what `status_source_id` says; who is `protected` is not named."""

    id: UUID
    name: str
    role: Role
    is_real: bool
    aliases: tuple[str, ...] = ()
    legal_status: LegalStatus = LegalStatus.NONE
    status_source_id: UUID | None = None
    is_living: bool | None = None
    is_minor: bool = False
    protected: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Everything the person is called, the longest first."""
        return tuple(sorted({self.name, *self.aliases}, key=lambda name: (-len(name), name)))


@dataclass(frozen=True, slots=True)
class Cited:
    """A source of a fact, and the place in it."""

    source_id: UUID
    quote: str = ""
    locator: str | None = None


@dataclass(frozen=True, slots=True)
class CaseFact:
    """Something that the file says, and the sources that say it."""

    id: UUID
    statement: str
    sources: tuple[Cited, ...] = ()
    status: FactStatus = FactStatus.ASSERTED
    occurred_on: date | None = None
    precision: Precision | None = None
    person_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class CaseHead:
    """What lists show of a case. `version` counts the changes of the whole file; the truth mode never changes."""

    id: UUID
    owner_id: UserId | None
    title: str
    summary: str
    truth_mode: TruthMode
    created_at: datetime
    updated_at: datetime
    jurisdiction: str | None = None
    year_from: int | None = None
    year_to: int | None = None
    status: CaseStatus = CaseStatus.UNKNOWN
    visibility: Visibility = Visibility.PRIVATE
    language: str = "en"
    approved: bool = True
    last_ref_no: int = 0
    version: int = 1

    @property
    def label(self) -> str:
        """The truth label of every representation."""
        return LABELS[self.truth_mode]

    @property
    def is_documented(self) -> bool:
        """Whether every fact needs a source."""
        return self.truth_mode is TruthMode.DOCUMENTED

    def is_visible_to(self, user_id: UserId | None) -> bool:
        """Tell whether this reader may open it; None is anybody."""
        own = user_id is not None and self.owner_id == user_id
        return own or (self.approved and self.visibility is not Visibility.PRIVATE)

    def demand_owner(self, user_id: UserId) -> None:
        """Raise NotTheOwner for anybody else."""
        if self.owner_id != user_id:
            raise NotTheOwner

    def changed(self, now: datetime) -> "CaseHead":
        """Return it one version on."""
        return replace(self, version=self.version + 1, updated_at=now)


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case with everything in it."""

    head: CaseHead
    sources: tuple[Source, ...] = ()
    persons: tuple[Person, ...] = ()
    facts: tuple[CaseFact, ...] = ()

    def demand_version(self, version: int) -> None:
        """Raise VersionConflict unless this is the version that is to be changed."""
        if self.head.version != version:
            raise VersionConflict

    def demand_room(self, held: int, most: int) -> None:
        """Raise CaseFull when a part of the file holds as many as it may."""
        if held >= most:
            raise CaseFull(most)

    def source(self, source_id: UUID) -> Source:
        """Return one. Raises SourceUnknown."""
        return _found(self.sources, source_id, SourceUnknown)

    def person(self, person_id: UUID) -> Person:
        """Return one. Raises PersonUnknown."""
        return _found(self.persons, person_id, PersonUnknown)

    def fact(self, fact_id: UUID) -> CaseFact:
        """Return one. Raises FactUnknown."""
        return _found(self.facts, fact_id, FactUnknown)

    def citing(self, source_id: UUID) -> Iterator[CaseFact]:
        """Yield the facts that rest on a source."""
        return (fact for fact in self.facts if any(cited.source_id == source_id for cited in fact.sources))

    @property
    def standing_facts(self) -> tuple[CaseFact, ...]:
        """The facts that are not retracted."""
        return tuple(fact for fact in self.facts if fact.status is not FactStatus.RETRACTED)

    @property
    def timeline(self) -> tuple[CaseFact, ...]:
        """The standing facts with a date, the earliest first."""
        dated = [fact for fact in self.standing_facts if fact.occurred_on is not None]
        return tuple(sorted(dated, key=lambda fact: (fact.occurred_on, fact.id)))


_Part = TypeVar("_Part", Source, Person, CaseFact)


def _found(parts: tuple[_Part, ...], wanted: UUID, unknown: type[Exception]) -> _Part:
    for part in parts:
        if part.id == wanted:
            return part
    raise unknown
