"""The cast: characters of the house, public ones, and a reader's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from story_service.application.character_ports import Whose
from story_service.application.ports import StartWork
from story_service.domain.character import Character
from story_service.domain.errors import CharacterUnknown
from story_service.domain.ids import CharacterId, UserId


@dataclass(frozen=True, slots=True)
class ReadCharacters:
    """Reads, in a transaction as short as the read."""

    start_work: StartWork

    async def page(
        self, user_id: UserId, whose: Whose | None, *, before: tuple[datetime, UUID] | None, most: int
    ) -> Sequence[Character]:
        """Return the newest first."""
        async with self.start_work() as work:
            return await work.characters.cast(user_id, whose, before=before, most=most)

    async def one(self, user_id: UserId, character_id: CharacterId) -> Character:
        """Raise CharacterUnknown for what this reader may not meet."""
        async with self.start_work() as work:
            character = await work.characters.find(character_id)
        if character is None or not character.is_visible_to(user_id):
            raise CharacterUnknown
        return character
