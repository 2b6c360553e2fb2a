"""The service's unit of work over Postgres."""

from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from common_events.outbox import SqlOutbox
from common_service.database import SqlWork
from story_service.application.analysing.ports import Analyses
from story_service.application.catalog.ports import Catalog
from story_service.application.character_ports import CharacterAttempts, Characters
from story_service.application.library_ports import Library
from story_service.application.ports import Attempts, Generations, Models, Stories, UsageBook
from story_service.application.publishing.ports import CloneAttempts
from story_service.application.revisions.ports import Revisions
from story_service.domain.events import Event
from story_service.domain.moderation import Decision
from story_service.domain.pricing import CatalogModel
from story_service.infrastructure.analysing.analyses import SqlAnalyses
from story_service.infrastructure.attempts import SqlAttempts, SqlCharacterAttempts
from story_service.infrastructure.catalog.entries import SqlCatalog
from story_service.infrastructure.characters import SqlCharacters
from story_service.infrastructure.facts import fact_of
from story_service.infrastructure.generations import SqlGenerations
from story_service.infrastructure.library import SqlLibrary
from story_service.infrastructure.publishing.attempts import SqlCloneAttempts
from story_service.infrastructure.revisions.revisions import SqlRevisions
from story_service.infrastructure.rows import decision_values, model_of
from story_service.infrastructure.stories import SqlStories
from story_service.infrastructure.tables import DecisionRow, ModelRow, messaging
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


class SqlModels:
    """The catalog."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def offered(self, model: str, now: datetime) -> CatalogModel | None:
        """Return the newest valid row, unless it withdraws the model."""
        row = await self._newest(model, now)
        return model_of(row) if row and row.active else None

    async def offers(self, now: datetime) -> list[CatalogModel]:
        """Return the newest valid row of each model that is not withdrawn."""
        query = (
            select(ModelRow)
            .where(ModelRow.valid_from <= now, ModelRow.modality == "text")
            .ext(distinct_on(ModelRow.model))
            .order_by(ModelRow.model, ModelRow.valid_from.desc())
        )
        return [model_of(row) for row in await self._session.scalars(query) if row.active]

    async def billed(self, model: str, at: datetime) -> CatalogModel | None:
        """Return the row that was the newest."""
        row = await self._newest(model, at)
        return model_of(row) if row else None

    async def _newest(self, model: str, at: datetime) -> ModelRow | None:
        query = select(ModelRow).where(ModelRow.model == model, ModelRow.valid_from <= at)
        return await self._session.scalar(query.order_by(ModelRow.valid_from.desc()).limit(1))
