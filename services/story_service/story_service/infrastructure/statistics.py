"""Counts of readers, in Postgres."""

from collections.abc import Sequence

from sqlalchemy import func, select

from common_service.database import Database
from story_service.application.read_stats import Counts
from story_service.domain.ids import UserId
from story_service.domain.usage import TOKENS
from story_service.infrastructure.chat.tables import ConversationRow
from story_service.infrastructure.tables import StoryRow
from story_service.infrastructure.usage_tables import WindowRow

_HUNDREDTHS = [n / 100 for n in range(1, 100)]


class SqlStatistics:
    """Reads, each in a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, user_id: UserId) -> Counts:
        """Count by the indexes of the owner: one query."""
        stories = select(func.count()).where(
            StoryRow.user_id == user_id, StoryRow.deleted_at.is_(None), StoryRow.state == "ready"
        )
        own = ConversationRow.user_id == user_id, ConversationRow.deleted_at.is_(None)
        conversations = select(func.count()).select_from(ConversationRow).where(*own)
        messages = select(func.coalesce(func.sum(ConversationRow.message_count), 0)).where(*own)
        tokens = select(func.coalesce(func.sum(WindowRow.settled), 0)).where(
            WindowRow.user_id == user_id, WindowRow.meter == TOKENS
        )
        counted = select(*(part.scalar_subquery() for part in (stories, conversations, messages, tokens)))
        async with self._database.reading() as session:
            row = (await session.execute(counted)).one()
        return Counts(*(int(count) for count in row))

    async def bounds(self) -> Sequence[int]:
        """Sum every reader's windows."""
        sums = (
            select(func.sum(WindowRow.settled).label("tokens"))
            .where(WindowRow.meter == TOKENS)
            .group_by(WindowRow.user_id)
            .subquery()
        )
        query = select(func.percentile_disc(_HUNDREDTHS).within_group(sums.c.tokens))
        async with self._database.reading() as session:
            found = await session.scalar(query)
        return [int(bound) for bound in found or ()]
