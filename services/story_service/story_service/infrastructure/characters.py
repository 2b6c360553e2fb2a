"""Characters in Postgres."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, insert, literal_column, select, tuple_, union_all, update
from sqlalchemy.ext.asyncio import AsyncSession

from story_service.application.character_ports import Whose
from story_service.domain.character import Character, Kind, Persona, Visibility
from story_service.domain.ids import CharacterId, UserId
from story_service.infrastructure.character_tables import CharacterRow

_NEWEST_FIRST = (CharacterRow.created_at.desc(), CharacterRow.id.desc())
_APPROVED = CharacterRow.moderation_status == literal_column("'approved'")  # in words, as the partial index has it


class SqlCharacters:
    """Characters as one transaction sees them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def cast(
        self, user_id: UserId, whose: Whose | None, *, before: tuple[datetime, UUID] | None, most: int
    ) -> Sequence[Character]:
        """Read a page in one query: each part by its own index, no more of it than the page holds."""
        parts = [_part(part, user_id, before, most) for part in ([whose] if whose else Whose)]
        ids = union_all(*(select(part.subquery()) for part in parts)).subquery()
        query = select(CharacterRow).where(CharacterRow.id.in_(select(ids.c.id))).order_by(*_NEWEST_FIRST).limit(most)
        return [character_of(row) for row in await self._session.scalars(query)]

    async def find(self, character_id: CharacterId, *, lock: bool = False) -> Character | None:
        """Read one."""
        query = select(CharacterRow).where(CharacterRow.id == character_id, CharacterRow.deleted_at.is_(None))
        row = await self._session.scalar(query.with_for_update() if lock else query)
        return character_of(row) if row else None

    async def number_of(self, user_id: UserId) -> int:
        """Count by the owner's index."""
        query = select(func.count()).where(CharacterRow.owner_id == user_id, CharacterRow.deleted_at.is_(None))
        return await self._session.scalar(query) or 0

    async def add(self, character: Character) -> None:
        """Insert one."""
        await self._session.execute(insert(CharacterRow).values(**_values(character)))

    async def keep(self, character: Character) -> None:
        """Write it back."""
        await self._session.execute(
            update(CharacterRow).where(CharacterRow.id == character.id).values(**_values(character))
        )

    async def delete(self, character_id: CharacterId, now: datetime) -> None:
        """Hide it."""
        hidden = {"deleted_at": now, "updated_at": now}
        await self._session.execute(update(CharacterRow).where(CharacterRow.id == character_id).values(**hidden))


def _part(part: Whose, user_id: UserId, before: tuple[datetime, UUID] | None, most: int) -> Select[Any]:
    belongs: dict[Whose, tuple[ColumnElement[bool], ...]] = {
        Whose.HOUSE: (CharacterRow.visibility == "house", _APPROVED),
        Whose.PUBLIC: (CharacterRow.visibility == "public", _APPROVED, CharacterRow.owner_id != user_id),
        Whose.OWN: (CharacterRow.owner_id == user_id,),
    }
    query = select(CharacterRow.id).where(*belongs[part], CharacterRow.deleted_at.is_(None))
    if before:
        query = query.where(tuple_(CharacterRow.created_at, CharacterRow.id) < tuple_(*before))
    return query.order_by(*_NEWEST_FIRST).limit(most)


def _values(character: Character) -> dict[str, Any]:
    persona = character.persona
    return {
        "id": character.id,
        "owner_id": character.owner_id,
        "name": persona.name,
        "kind": persona.kind,
        "role": persona.role,
        "personality": persona.personality,
        "speaking_style": persona.speaking_style,
        "greeting": persona.greeting,
        "boundaries": persona.boundaries,
        "visibility": character.visibility,
        "moderation_status": "approved" if character.approved else "pending",
        "version": character.version,
        "created_at": character.created_at,
        "updated_at": character.updated_at,
    }


def character_of(row: CharacterRow) -> Character:
    """Read a character."""
    persona = Persona(
        row.name,
        Kind(row.kind),
        row.role,
        row.personality,
        row.speaking_style,
        row.greeting,
        row.boundaries,
    )
    return Character(
        CharacterId(row.id),
        UserId(row.owner_id) if row.owner_id else None,
        persona,
        Visibility(row.visibility),
        row.created_at,
        row.updated_at,
        approved=row.moderation_status == "approved",
        version=row.version,
    )
