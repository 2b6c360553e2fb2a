"""The archive: cases of the house, public ones, and a reader's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from story_service.application.cases.ports import CasePage, StartCaseWork
from story_service.domain.cases.case_file import CaseFile, CaseHead
from story_service.domain.cases.errors import CaseUnknown
from story_service.domain.ids import UserId


@dataclass(frozen=True, slots=True)
class ReadCases:
    """Reads, in a transaction as short as the read."""

    start_work: StartCaseWork

    async def page(self, wanted: CasePage) -> Sequence[CaseHead]:
        """Return the newest first."""
        async with self.start_work() as work:
            return await work.cases.page(wanted)

    async def one(self, user_id: UserId, case_id: UUID) -> CaseFile:
        """Raise CaseUnknown for what this reader may not open."""
        async with self.start_work() as work:
            file = await work.cases.find(case_id)
        if file is None or not file.head.is_visible_to(user_id):
            raise CaseUnknown
        return file
