"""Clones under idempotency keys, in Postgres."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from story_service.application.attempts import AttemptKey
from story_service.domain.ids import StoryId, UserId
from story_service.domain.story import Moderation, Origin, Source, Story, StoryState, TruthMode
from story_service.infrastructure.attempts import KeptAnswers

_CREATED = 201


class SqlCloneAttempts:
    """Stories that were cloned."""

    def __init__(self, session: AsyncSession) -> None:
        self._answers = KeptAnswers(session, "POST /story/v1/stories/{id}/clone", _CREATED)

    async def answer(self, user_id: UserId, key: AttemptKey, now: datetime) -> Story | None:
        """Look."""
        kept = await self._answers.answer(user_id, key, now)
        return _story_of(user_id, kept) if kept else None

    async def claim(self, user_id: UserId, key: AttemptKey, now: datetime) -> Story | None:
        """Take the key."""
        kept = await self._answers.claim(user_id, key, now)
        return _story_of(user_id, kept) if kept else None

    async def keep(self, user_id: UserId, key: AttemptKey, story: Story) -> None:
        """Write the answer."""
        await self._answers.keep(user_id, key, _document(story), story.id)


def _document(story: Story) -> dict[str, Any]:
    assert story.source is not None, "a clone has a source"
    return {
        "id": str(story.id),
        "source_id": str(story.source.id),
        "title": story.title,
        "truth_mode": story.truth_mode,
        "language": story.language,
        "created_at": story.created_at.isoformat(),
    }


def _story_of(user_id: UserId, kept: dict[str, Any]) -> Story:
    at = datetime.fromisoformat(kept["created_at"])
    story = Story(StoryId(UUID(kept["id"])), user_id, None, TruthMode(kept["truth_mode"]), at, at)
    return replace(
        story,
        state=StoryState.READY,
        title=kept["title"],
        moderation=Moderation.APPROVED,
        origin=Origin.CLONED,
        source=Source(StoryId(UUID(kept["source_id"])), kept["title"]),
        language=kept["language"],
    )
