"""A work of the service over case files too."""

from sqlalchemy.ext.asyncio import AsyncSession

from story_service.application.cases.ports import Answers, CaseFiles, Rechecks
from story_service.infrastructure.cases.answers import SqlAnswers
from story_service.infrastructure.cases.files import SqlCaseFiles
from story_service.infrastructure.cases.rechecks import SqlRechecks
from story_service.infrastructure.work import SqlStoryWork


class SqlCaseWork(SqlStoryWork):
    """One transaction."""

    def open(self, session: AsyncSession) -> None:
        """Build what shares the session."""
        super().open(session)
        self.cases: CaseFiles = SqlCaseFiles(session)
        self.rechecks: Rechecks = SqlRechecks(session)
        self.answers: Answers = SqlAnswers(session)
