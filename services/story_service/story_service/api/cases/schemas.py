"""What readers write into case files."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StrictBool, StrictInt, StringConstraints, model_validator

from story_service.api.dates import WrittenDate
from story_service.api.numbers import WHOLE
from story_service.api.schemas import Wire
from story_service.domain.cases.case_file import (
    CaseFact,
    CaseHead,
    CaseStatus,
    Cited,
    FactStatus,
    LegalStatus,
    Person,
    Precision,
    Role,
    Source,
    SourceKind,
)
from story_service.domain.character import Visibility
from story_service.domain.ids import UserId
from story_service.domain.story import TruthMode

_SAYABLE = r"^[^\x00]*$"
_LINE = r"^[^\x00-\x1f]*[^\s\x00-\x1f][^\x00-\x1f]*$"
Line = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200, pattern=_LINE)]
Name = Annotated[str, StringConstraints(strict=True, min_length=2, max_length=120, pattern=_LINE)]
Summary = Annotated[str, StringConstraints(strict=True, max_length=4000, pattern=_SAYABLE)]
Statement = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=1000, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")
]
Passage = Annotated[str, StringConstraints(strict=True, max_length=2000, pattern=_SAYABLE)]
Locator = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200, pattern=_LINE)]
Link = Annotated[str, StringConstraints(strict=True, max_length=2000, pattern=r"^https?://[\x21-\x7e]+$")]
Language = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z]{2,3}$")]
Year = Annotated[StrictInt, Field(ge=1, le=9999), WHOLE]
TruthModeName = Literal["fiction", "inspired", "documented"]
CaseStatusName = Literal["unknown", "open", "cold", "solved", "fiction"]
OwnVisibility = Literal["private", "unlisted", "public"]
SourceKindName = Literal["court", "police", "news", "book", "academic", "encyclopedia", "archive", "other"]
RoleName = Literal["victim", "suspect", "convicted", "witness", "investigator", "family", "other"]
LegalStatusName = Literal["none", "accused", "charged", "convicted", "acquitted", "exonerated"]
FactStatusName = Literal["asserted", "disputed", "retracted"]
PrecisionName = Literal["day", "month", "year", "circa"]


class CaseIn(Wire):
    """A new case. Its truth mode stays for good."""

    title: Line
    summary: Summary = ""
    truth_mode: TruthModeName
    jurisdiction: Line | None = None
    year_from: Year | None = None
    year_to: Year | None = None
    status: CaseStatusName = "unknown"
    visibility: OwnVisibility = "private"
    language: Language = "en"

    def head(self, case_id: UUID, owner_id: UserId, now: datetime) -> CaseHead:
        """Return it in the domain's words."""
        return CaseHead(
            case_id,
            owner_id,
            self.title,
            self.summary,
            TruthMode(self.truth_mode),
            now,
            now,
            self.jurisdiction,
            self.year_from,
            self.year_to,
            CaseStatus(self.status),
            Visibility(self.visibility),
            self.language,
        )


class CasePatch(Wire):
    """What is to change; what is absent or null stays."""

    title: Line | None = None
    summary: Summary | None = None
    jurisdiction: Line | None = None
    year_from: Year | None = None
    year_to: Year | None = None
    status: CaseStatusName | None = None
    visibility: OwnVisibility | None = None

    def apply(self, head: CaseHead) -> CaseHead:
        """Return the head as it is wanted."""
        changes = self.model_dump(exclude_none=True)
        if "status" in changes:
            changes["status"] = CaseStatus(changes["status"])
        if "visibility" in changes:
            changes["visibility"] = Visibility(changes["visibility"])
        return replace(head, **changes)


class SourceIn(Wire):
    """A source; its number in citations is given by the file."""

    kind: SourceKindName
    title: Line
    url: Link | None = None
    publisher: Line | None = None
    published_on: WrittenDate | None = None
    excerpt: Passage = ""
    reliability: Annotated[StrictInt, Field(ge=0, le=4), WHOLE] = 2

    def source(self, source_id: UUID) -> Source:
        """Return it in the domain's words, without a number."""
        return Source(
            source_id,
            0,
            SourceKind(self.kind),
            self.title,
            self.url,
            self.publisher,
            self.published_on,
            self.excerpt,
            self.reliability,
        )

    @property
    def words(self) -> str:
        """What is judged."""
        return "\n".join(part for part in (self.title, self.publisher, self.excerpt) if part)


class CitedIn(Wire):
    """A source of the file, and the place in it."""

    source_id: UUID
    quote: Passage = ""
    locator: Locator | None = None

    def cited(self) -> Cited:
        """Return it in the domain's words."""
        return Cited(self.source_id, self.quote, self.locator)


Sources = Annotated[list[CitedIn], Field(max_length=20)]


class _Founded(Wire):
    @model_validator(mode="after")
    def name_each_source_once(self) -> Self:
        """Refuse a source that is named twice."""
        named = [cited.source_id for cited in getattr(self, "sources", None) or []]
        if len(named) != len(set(named)):
            raise ValueError("a source is named twice")
        return self


class FactIn(_Founded):
    """A fact. In a documented case it needs a source."""

    statement: Statement
    sources: Sources = Field(default_factory=list)
    status: Literal["asserted", "disputed"] = "asserted"
    occurred_on: WrittenDate | None = None
    date_precision: PrecisionName | None = None
    person_id: UUID | None = None

    def fact(self, fact_id: UUID) -> CaseFact:
        """Return it in the domain's words."""
        return CaseFact(
            fact_id,
            self.statement,
            tuple(cited.cited() for cited in self.sources),
            FactStatus(self.status),
            self.occurred_on,
            Precision(self.date_precision) if self.date_precision else None,
            self.person_id,
        )

    @property
    def words(self) -> str:
        """What is judged."""
        return "\n".join((self.statement, *(cited.quote for cited in self.sources)))


class FactPatch(_Founded):
    """What is to change; what is absent or null stays. `sources` replaces all of them."""

    statement: Statement | None = None
    sources: Sources | None = None
    status: FactStatusName | None = None
    occurred_on: WrittenDate | None = None
    date_precision: PrecisionName | None = None
    person_id: UUID | None = None

    def apply(self, fact: CaseFact) -> CaseFact:
        """Return the fact as it is wanted."""
        return replace(
            fact,
            statement=self.statement or fact.statement,
            sources=fact.sources if self.sources is None else tuple(cited.cited() for cited in self.sources),
            status=FactStatus(self.status) if self.status else fact.status,
            occurred_on=self.occurred_on or fact.occurred_on,
            precision=Precision(self.date_precision) if self.date_precision else fact.precision,
            person_id=self.person_id or fact.person_id,
        )


class PersonIn(Wire):
    """Somebody in the case."""

    name: Name
    role: RoleName
    is_real: StrictBool
    aliases: Annotated[list[Name], Field(max_length=10)] = Field(default_factory=list)
    legal_status: LegalStatusName = "none"
    status_source_id: UUID | None = Field(default=None, description="The source that shows the conviction.")
    is_living: StrictBool | None = None
    is_minor: StrictBool = False
    protected: StrictBool = False

    def person(self, person_id: UUID) -> Person:
        """Return it in the domain's words."""
        return Person(
            person_id,
            self.name,
            Role(self.role),
            self.is_real,
            tuple(self.aliases),
            LegalStatus(self.legal_status),
            self.status_source_id,
            self.is_living,
            self.is_minor,
            self.protected,
        )

    @property
    def words(self) -> str:
        """What is judged."""
        return "\n".join((self.name, *self.aliases))


class PersonPatch(Wire):
    """What is to change; what is absent or null stays. Who is real stays real."""

    name: Name | None = None
    role: RoleName | None = None
    aliases: Annotated[list[Name], Field(max_length=10)] | None = None
    legal_status: LegalStatusName | None = None
    status_source_id: UUID | None = None
    is_living: StrictBool | None = None
    is_minor: StrictBool | None = None
    protected: StrictBool | None = None

    def apply(self, person: Person) -> Person:
        """Return the person as wanted; a status that is another rests on the source it came with, and

        whose conviction is gone is not called a convict."""
        changes = self.model_dump(exclude_none=True)
        if "role" in changes:
            changes["role"] = Role(changes["role"])
        if "aliases" in changes:
            changes["aliases"] = tuple(changes["aliases"])
        if "legal_status" in changes:
            changes["legal_status"] = LegalStatus(changes["legal_status"])
            if "status_source_id" not in changes and changes["legal_status"] is not person.legal_status:
                changes["status_source_id"] = None
            if changes["legal_status"] is not LegalStatus.CONVICTED and person.role is Role.CONVICTED:
                changes.setdefault("role", Role.OTHER)
        return replace(person, **changes)
