"""Between the rows of case files and the domain. Every field goes both ways; the round trip is tested."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

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
from story_service.infrastructure.cases.tables import CaseFactRow, CaseRow, FactSourceRow, PersonRow, SourceRow


def head_values(head: CaseHead) -> dict[str, Any]:
    """Return the columns of a head that its owner decides."""
    return {
        "id": head.id,
        "owner_id": head.owner_id,
        "title": head.title,
        "summary": head.summary,
        "truth_mode": head.truth_mode,
        "jurisdiction": head.jurisdiction,
        "year_from": head.year_from,
        "year_to": head.year_to,
        "status": head.status,
        "visibility": head.visibility,
        "language": head.language,
        "last_ref_no": head.last_ref_no,
        "version": head.version,
        "created_at": head.created_at,
        "updated_at": head.updated_at,
    }


def head_of(row: CaseRow) -> CaseHead:
    """Read a head."""
    return CaseHead(
        row.id,
        UserId(row.owner_id) if row.owner_id else None,
        row.title,
        row.summary,
        TruthMode(row.truth_mode),
        row.created_at,
        row.updated_at,
        row.jurisdiction,
        row.year_from,
        row.year_to,
        CaseStatus(row.status),
        Visibility(row.visibility),
        row.language,
        approved=row.moderation_status == "approved",
        last_ref_no=row.last_ref_no,
        version=row.version,
    )


def source_values(case_id: UUID, source: Source) -> dict[str, Any]:
    """Return the columns of a source."""
    return {
        "id": source.id,
        "case_id": case_id,
        "ref_no": source.ref_no,
        "kind": source.kind,
        "title": source.title,
        "url": source.url,
        "publisher": source.publisher,
        "published_on": source.published_on,
        "excerpt": source.excerpt,
        "reliability": source.reliability,
        "retracted_at": source.retracted_at,
    }


def source_of(row: SourceRow) -> Source:
    """Read a source."""
    return Source(
        row.id,
        row.ref_no,
        SourceKind(row.kind),
        row.title,
        row.url,
        row.publisher,
        row.published_on,
        row.excerpt,
        row.reliability,
        row.retracted_at,
    )


def person_values(case_id: UUID, person: Person, position: int) -> dict[str, Any]:
    """Return the columns of a person."""
    return {
        "id": person.id,
        "case_id": case_id,
        "position": position,
        "name": person.name,
        "aliases": list(person.aliases),
        "is_real": person.is_real,
        "role": person.role,
        "legal_status": person.legal_status,
        "status_source_id": person.status_source_id,
        "is_living": person.is_living,
        "is_minor": person.is_minor,
        "protected": person.protected,
    }


def person_of(row: PersonRow) -> Person:
    """Read a person."""
    return Person(
        row.id,
        row.name,
        Role(row.role),
        row.is_real,
        tuple(row.aliases),
        LegalStatus(row.legal_status),
        row.status_source_id,
        row.is_living,
        row.is_minor,
        row.protected,
    )


def fact_values(case_id: UUID, fact: CaseFact, position: int) -> dict[str, Any]:
    """Return the columns of a fact, without its sources."""
    return {
        "id": fact.id,
        "case_id": case_id,
        "position": position,
        "statement": fact.statement,
        "status": fact.status,
        "occurred_on": fact.occurred_on,
        "date_precision": fact.precision,
        "person_id": fact.person_id,
    }


def cited_values(fact: CaseFact) -> list[dict[str, Any]]:
    """Return the rows of a fact's sources."""
    return [
        {"fact_id": fact.id, "source_id": cited.source_id, "quote": cited.quote, "locator": cited.locator}
        for cited in fact.sources
    ]


def fact_of(row: CaseFactRow, cited: Sequence[FactSourceRow]) -> CaseFact:
    """Read a fact."""
    return CaseFact(
        row.id,
        row.statement,
        tuple(Cited(one.source_id, one.quote, one.locator) for one in cited),
        FactStatus(row.status),
        row.occurred_on,
        Precision(row.date_precision) if row.date_precision else None,
        row.person_id,
    )
