"""What the use cases of publishing need from outside."""

from datetime import datetime
from typing import Protocol

from story_service.application.attempts import AttemptKey
from story_service.domain.ids import UserId
from story_service.domain.story import Story


class CloneAttempts(Protocol):
    """Stories cloned under idempotency keys, as they were answered: without their text."""

    async def answer(self, user_id: UserId, key: AttemptKey, now: datetime) -> Story | None:
        """Look without taking the key. Raises IdempotencyKeyReused."""
        ...

    async def claim(self, user_id: UserId, key: AttemptKey, now: datetime) -> Story | None:
        """Take the key, or wait for whoever has it and return the answer. Raises as `answer` does."""
        ...

    async def keep(self, user_id: UserId, key: AttemptKey, story: Story) -> None:
        """Keep the answer under a key that this work took."""
        ...
