"""The service's unit of work over Postgres."""

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from common_events.outbox import SqlOutbox
from common_service.database import SqlWork
from story_service.application.analysing.ports import Analyses
from story_service.application.cases.reading import CaseReader
from story_service.application.catalog.ports import Catalog
from story_service.application.character_ports import CharacterAttempts, Characters
from story_service.application.library_ports import Library
from story_service.application.model_ports import Models
from story_service.application.ports import Attempts, Generations, Stories, UsageBook
from story_service.application.publishing.ports import CloneAttempts
from story_service.application.revisions.ports import Revisions
from story_service.domain.events import Event
from story_service.domain.moderation import Decision
from story_service.infrastructure.analysing.analyses import SqlAnalyses
from story_service.infrastructure.attempts import SqlAttempts, SqlCharacterAttempts
from story_service.infrastructure.cases.files import SqlCaseFiles
from story_service.infrastructure.catalog.entries import SqlCatalog
from story_service.infrastructure.characters import SqlCharacters
from story_service.infrastructure.facts import fact_of
from story_service.infrastructure.generations import SqlGenerations
from story_service.infrastructure.library import SqlLibrary
from story_service.infrastructure.models import SqlModels
from story_service.infrastructure.publishing.attempts import SqlCloneAttempts
from story_service.infrastructure.revisions.revisions import SqlRevisions
from story_service.infrastructure.rows import decision_values
from story_service.infrastructure.stories import SqlStories
from story_service.infrastructure.tables import DecisionRow, messaging
from story_service.infrastructure.usage import SqlUsageBook


class SqlStoryWork(SqlWork):
    """One transaction over the schema `story`."""

    def open(self, session: AsyncSession) -> None:
        """Build what shares the session."""
        self.attempts: Attempts = SqlAttempts(session)
        self.character_attempts: CharacterAttempts = SqlCharacterAttempts(session)
        self.catalog: Catalog = SqlCatalog(session)
        self.characters: Characters = SqlCharacters(session)
        self.clones: CloneAttempts = SqlCloneAttempts(session)
        self.revisions: Revisions = SqlRevisions(session)
        self.analyses: Analyses = SqlAnalyses(session)
        self.models: Models = SqlModels(session)
        self.stories: Stories = SqlStories(session)
        self.case_files: CaseReader = SqlCaseFiles(session)
        self.library: Library = SqlLibrary(session)
        self.generations: Generations = SqlGenerations(session)
        self.usage: UsageBook = SqlUsageBook(session)
        self._outbox = SqlOutbox(session, messaging)

    async def record(self, decision: Decision) -> None:
        """Insert a decision."""
        await self.session.execute(insert(DecisionRow).values(**decision_values(decision)))

    async def tell(self, *events: Event) -> None:
        """Write facts to the outbox."""
        await self._outbox.add(*(fact_of(event) for event in events))
