"""What the generation of stories needs of case files."""

from typing import Protocol
from uuid import UUID

from story_service.domain.cases.case_file import CaseFile


class CaseReader(Protocol):
    """Case files that are not deleted."""

    async def find(self, case_id: UUID) -> CaseFile | None: ...
