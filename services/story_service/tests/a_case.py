"""Builders of case files."""

from typing import Any
from uuid import UUID

from common_service.ids import uuid7
from services.story_service.tests.worlds import NOON, READER
from story_service.domain.cases.case_file import (
    CaseFact,
    CaseFile,
    CaseHead,
    Cited,
    LegalStatus,
    Person,
    Role,
    Source,
    SourceKind,
)
from story_service.domain.desk.moderation_case import CaseKind, ModerationCase, Target
from story_service.domain.ids import DecisionId, UserId
from story_service.domain.story import TruthMode

REVIEWER = UserId(UUID("01a1fe00-0000-7000-8000-00000000000a"))


def a_head(truth_mode: TruthMode = TruthMode.DOCUMENTED, **values: Any) -> CaseHead:
    standard: dict[str, Any] = {"title": "The Quay Affair", "summary": "A fire, and who was near it."}
    return CaseHead(uuid7(), READER, truth_mode=truth_mode, created_at=NOON, updated_at=NOON, **(standard | values))


def a_source(ref_no: int = 1, kind: SourceKind = SourceKind.COURT, **values: Any) -> Source:
    return Source(uuid7(), ref_no, kind, f"Source {ref_no}", **values)


def a_person(name: str = "Tom Vane", role: Role = Role.SUSPECT, **values: Any) -> Person:
    return Person(uuid7(), name, role, values.pop("is_real", True), **values)


def a_fact(statement: str = "The warehouse burned.", *sources: Source, **values: Any) -> CaseFact:
    return CaseFact(uuid7(), statement, tuple(Cited(source.id) for source in sources), **values)


def a_file(truth_mode: TruthMode = TruthMode.DOCUMENTED, **parts: Any) -> CaseFile:
    sources = parts.get("sources", ())
    return CaseFile(a_head(truth_mode, last_ref_no=len(sources)), **parts)


def convicted(source_id: UUID | None, **values: Any) -> Person:
    return a_person(legal_status=LegalStatus.CONVICTED, status_source_id=source_id, **values)


def a_moderation_case(kind: CaseKind, **facts: Any) -> ModerationCase:
    standard: dict[str, Any] = {"subject": READER, "statement": "It shows too much."}
    if kind is CaseKind.APPEAL:
        standard |= {"appealed_decision": DecisionId(uuid7())}
    return ModerationCase.opened(uuid7(), kind, Target("story", uuid7()), NOON, **(standard | facts))
