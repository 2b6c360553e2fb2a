"""A work over the desk too."""

from sqlalchemy.ext.asyncio import AsyncSession

from story_service.application.desk.ports import Desk, Targets
from story_service.infrastructure.cases.work import SqlCaseWork
from story_service.infrastructure.desk.desk import SqlDesk
from story_service.infrastructure.desk.targets import SqlTargets


class SqlDeskWork(SqlCaseWork):
    """One transaction."""

    def open(self, session: AsyncSession) -> None:
        """Build what shares the session."""
        super().open(session)
        self.desk: Desk = SqlDesk(session)
        self.targets: Targets = SqlTargets(session)
