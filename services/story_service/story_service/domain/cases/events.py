"""What others hear of a case file."""

from dataclasses import dataclass
from uuid import UUID

from story_service.domain.cases.case_file import CaseHead, LegalStatus


@dataclass(frozen=True, slots=True)
class CaseUpdated:
    """A file was made or changed."""

    case: CaseHead


@dataclass(frozen=True, slots=True)
class PersonStatusChanged:
    """The law says something else of a person than before."""

    case: CaseHead
    person_id: UUID
    before: LegalStatus
    after: LegalStatus
