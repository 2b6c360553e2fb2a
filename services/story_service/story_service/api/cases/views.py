"""Case files as they are shown. What a protected person is called is shown to the file's owner alone."""

from datetime import date, datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import Field

from story_service.api.cases.schemas import (
    CaseStatusName,
    FactStatusName,
    LegalStatusName,
    PrecisionName,
    RoleName,
    SourceKindName,
    TruthModeName,
)
from story_service.api.schemas import Wire
from story_service.domain.cases.case_file import CaseFact, CaseFile, CaseHead, Person, Source
from story_service.domain.cases.guard import VEIL, veiled
from story_service.domain.ids import UserId


class SourceOut(Wire):
    """A source; `ref_no` is its number in citations."""

    id: UUID
    ref_no: int
    kind: SourceKindName
    title: str
    url: str | None
    publisher: str | None
    published_on: date | None
    excerpt: str
    reliability: int
    retracted_at: datetime | None

    @classmethod
    def of(cls, source: Source, file: CaseFile, *, is_own: bool) -> Self:
        """Show a source."""
        persons = () if is_own else file.persons
        return cls(
            id=source.id,
            ref_no=source.ref_no,
            kind=source.kind.value,
            title=veiled(source.title, persons),
            url=source.url,
            publisher=source.publisher,
            published_on=source.published_on,
            excerpt=veiled(source.excerpt, persons),
            reliability=source.reliability,
            retracted_at=source.retracted_at,
        )


class PersonOut(Wire):
    """Somebody in the case."""

    id: UUID
    name: str
    aliases: list[str]
    role: RoleName
    is_real: bool
    legal_status: LegalStatusName
    status_source_id: UUID | None
    is_living: bool | None
    is_minor: bool
    protected: bool

    @classmethod
    def of(cls, person: Person, *, is_own: bool) -> Self:
        """Show a person; one that is protected has no name for others."""
        hidden = person.protected and not is_own
        return cls(
            id=person.id,
            name=VEIL if hidden else person.name,
            aliases=[] if hidden else list(person.aliases),
            role=person.role.value,
            is_real=person.is_real,
            legal_status=person.legal_status.value,
            status_source_id=person.status_source_id,
            is_living=person.is_living,
            is_minor=person.is_minor,
            protected=person.protected,
        )


class CitedOut(Wire):
    """A source of a fact."""

    source_id: UUID
    ref_no: int
    quote: str
    locator: str | None


class FactOut(Wire):
    """A fact, and what it rests on."""

    id: UUID
    statement: str
    status: FactStatusName
    sources: list[CitedOut]
    occurred_on: date | None
    date_precision: PrecisionName | None
    person_id: UUID | None

    @classmethod
    def of(cls, fact: CaseFact, file: CaseFile, *, is_own: bool) -> Self:
        """Show a fact."""
        persons = () if is_own else file.persons
        return cls(
            id=fact.id,
            statement=veiled(fact.statement, persons),
            status=fact.status.value,
            sources=[
                CitedOut(
                    source_id=cited.source_id,
                    ref_no=file.source(cited.source_id).ref_no,
                    quote=veiled(cited.quote, persons),
                    locator=cited.locator,
                )
                for cited in fact.sources
            ],
            occurred_on=fact.occurred_on,
            date_precision=fact.precision.value if fact.precision else None,
            person_id=fact.person_id,
        )


class CaseSummary(Wire):
    """A case as lists show it. `label` says how it stands to what happened."""

    id: UUID
    title: str
    summary: str
    truth_mode: TruthModeName
    label: str
    jurisdiction: str | None
    year_from: int | None
    year_to: int | None
    status: CaseStatusName
    visibility: Literal["private", "unlisted", "public", "house"]
    language: str
    is_own: bool
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, head: CaseHead, reader: UserId) -> Self:
        """Show a head to a reader."""
        return cls(**_head_members(head, reader))


class CaseOut(CaseSummary):
    """A whole case file."""

    persons: list[PersonOut]
    facts: list[FactOut]
    sources: list[SourceOut]
    timeline: list[UUID] = Field(description="The standing facts with a date, the earliest first.")

    @classmethod
    def of_file(cls, file: CaseFile, reader: UserId) -> Self:
        """Show a file to a reader; what was retracted is shown to its owner."""
        is_own = file.head.owner_id == reader
        facts = file.facts if is_own else file.standing_facts
        return cls(
            **_head_members(file.head, reader),
            persons=[PersonOut.of(person, is_own=is_own) for person in file.persons],
            facts=[FactOut.of(fact, file, is_own=is_own) for fact in facts],
            sources=[SourceOut.of(source, file, is_own=is_own) for source in file.sources],
            timeline=[fact.id for fact in file.timeline],
        )


def _head_members(head: CaseHead, reader: UserId) -> dict[str, Any]:
    return {
        "id": head.id,
        "title": head.title,
        "summary": head.summary,
        "truth_mode": head.truth_mode.value,
        "label": head.label,
        "jurisdiction": head.jurisdiction,
        "year_from": head.year_from,
        "year_to": head.year_to,
        "status": head.status.value,
        "visibility": head.visibility.value,
        "language": head.language,
        "is_own": head.owner_id == reader,
        "version": head.version,
        "created_at": head.created_at,
        "updated_at": head.updated_at,
    }
