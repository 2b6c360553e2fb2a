"""What the use cases of characters need from outside."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from story_service.application.attempts import AttemptKey
from story_service.domain.character import Character
from story_service.domain.ids import CharacterId, UserId


class Whose(StrEnum):
    """Parts of the cast that a reader may meet."""

    HOUSE = "house"
    PUBLIC = "public"
    OWN = "own"


class Characters(Protocol):
    """Characters that are not deleted."""

    async def cast(
        self, user_id: UserId, whose: Whose | None, *, before: tuple[datetime, UUID] | None, most: int
    ) -> Sequence[Character]:
        """Return those of the house, public ones and own ones, or one of these; the newest first."""
        ...

    async def find(self, character_id: CharacterId, *, lock: bool = False) -> Character | None: ...

    async def number_of(self, user_id: UserId) -> int:
        """Count somebody's own."""
        ...

    async def add(self, character: Character) -> None: ...

    async def keep(self, character: Character) -> None:
        """Write one back."""
        ...

    async def delete(self, character_id: CharacterId, now: datetime) -> None:
        """Hide one."""
        ...


class CharacterAttempts(Protocol):
    """Characters made under idempotency keys, as they were answered."""

    async def answer(self, user_id: UserId, key: AttemptKey, now: datetime) -> Character | None:
        """Look without taking the key. Raises IdempotencyKeyReused."""
        ...

    async def claim(self, user_id: UserId, key: AttemptKey, now: datetime) -> Character | None:
        """Take the key, or wait for whoever has it and return the answer. Raises as `answer` does."""
        ...

    async def keep(self, user_id: UserId, key: AttemptKey, character: Character) -> None:
        """Keep the answer under a key that this work took."""
        ...
