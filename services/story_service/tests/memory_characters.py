"""Characters in memory, with those that a migrated database opens with."""
# ruff: noqa: ARG002 - the signatures are those of the ports

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from uuid import UUID

from common_service.idempotency import IdempotencyKeyReused
from services.story_service.tests.memory_library import OPENED
from story_service.application.attempts import AttemptKey
from story_service.application.character_ports import Whose
from story_service.domain.character import Character, Kind, Persona, Visibility
from story_service.domain.ids import CharacterId, UserId

_FILE = Path(__file__).parents[1] / "migrations" / "starter" / "investigators.json"


@cache
def investigators() -> tuple[Character, ...]:
    """Return what the migration brings."""
    found = []
    for row in json.loads(_FILE.read_text(encoding="utf-8")):
        character_id = CharacterId(UUID(row.pop("id")))
        persona = Persona(**{**row, "kind": Kind(row["kind"])})
        found.append(Character(character_id, None, persona, Visibility.HOUSE, OPENED, OPENED))
    return tuple(found)


@dataclass
class CharacterTables:
    rows: dict[CharacterId, Character] = field(default_factory=lambda: {one.id: one for one in investigators()})
    kept: dict[tuple[UserId, str], tuple[bytes, Character | None]] = field(default_factory=dict)


class MemoryCharacters:
    def __init__(self, tables: CharacterTables) -> None:
        self._rows = tables.rows

    async def cast(
        self, user_id: UserId, whose: Whose | None, *, before: tuple[datetime, UUID] | None, most: int
    ) -> Sequence[Character]:
        found = [one for one in self._rows.values() if _part_of(one, user_id) in ([whose] if whose else list(Whose))]
        found.sort(key=lambda one: (one.created_at, one.id), reverse=True)
        return [one for one in found if before is None or (one.created_at, one.id) < before][:most]

    async def find(self, character_id: CharacterId, *, lock: bool = False) -> Character | None:
        return self._rows.get(character_id)

    async def number_of(self, user_id: UserId) -> int:
        return sum(one.owner_id == user_id for one in self._rows.values())

    async def add(self, character: Character) -> None:
        self._rows[character.id] = character

    async def keep(self, character: Character) -> None:
        self._rows[character.id] = character

    async def delete(self, character_id: CharacterId, now: datetime) -> None:
        del self._rows[character_id]


class MemoryCharacterAttempts:
    def __init__(self, tables: CharacterTables) -> None:
        self._kept = tables.kept

    async def answer(self, user_id: UserId, key: AttemptKey, now: datetime) -> Character | None:
        digest, character = self._kept.get((user_id, key.value), (key.digest, None))
        if digest != key.digest:
            raise IdempotencyKeyReused
        return character

    async def claim(self, user_id: UserId, key: AttemptKey, now: datetime) -> Character | None:
        character = await self.answer(user_id, key, now)
        self._kept.setdefault((user_id, key.value), (key.digest, None))
        return character

    async def keep(self, user_id: UserId, key: AttemptKey, character: Character) -> None:
        self._kept[user_id, key.value] = (key.digest, replace(character))


def _part_of(character: Character, user_id: UserId) -> Whose | None:
    if character.owner_id == user_id:
        return Whose.OWN
    if not character.approved:
        return None
    return {Visibility.HOUSE: Whose.HOUSE, Visibility.PUBLIC: Whose.PUBLIC}.get(character.visibility)
