"""A work over erasures too."""

from sqlalchemy.ext.asyncio import AsyncSession

from story_service.application.erasing.ports import Erasures
from story_service.infrastructure.erasing.erasures import SqlErasures
from story_service.infrastructure.work import SqlStoryWork


class SqlErasureWork(SqlStoryWork):
    """One transaction."""

    def open(self, session: AsyncSession) -> None:
        """Build what shares the session."""
        super().open(session)
        self.erasures: Erasures = SqlErasures(session)
