"""Characters over the wire."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import StringConstraints

from story_service.api.schemas import Wire
from story_service.domain.character import Character, Kind, Persona, Visibility
from story_service.domain.ids import UserId

_SAYABLE = r"^[^\x00]*$"
Name = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]*[^\s\x00-\x1f][^\x00-\x1f]*$"),
]
Role = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200, pattern=_SAYABLE)]
Personality = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=2000, pattern=_SAYABLE)]
Passage = Annotated[str, StringConstraints(strict=True, max_length=1000, pattern=_SAYABLE)]
KindName = Literal["detective", "journalist", "profiler", "lawyer", "narrator", "suspect", "witness", "custom"]
OwnVisibility = Literal["private", "unlisted", "public"]


class CharacterIn(Wire):
    """An invented person."""

    name: Name
    kind: KindName = "custom"
    role: Role
    personality: Personality
    speaking_style: Passage = ""
    greeting: Passage = ""
    boundaries: Passage = ""
    visibility: OwnVisibility = "private"

    def persona(self) -> Persona:
        """Return it in the domain's words."""
        return Persona(
            self.name,
            Kind(self.kind),
            self.role,
            self.personality,
            self.speaking_style,
            self.greeting,
            self.boundaries,
        )


class CharacterPatch(Wire):
    """What is to change; what is absent or null stays."""

    name: Name | None = None
    kind: KindName | None = None
    role: Role | None = None
    personality: Personality | None = None
    speaking_style: Passage | None = None
    greeting: Passage | None = None
    boundaries: Passage | None = None
    visibility: OwnVisibility | None = None

    def apply(self, character: Character) -> Character:
        """Return the character as it is wanted."""
        changes = self.model_dump(exclude_none=True)
        visibility = Visibility(changes.pop("visibility", character.visibility))
        if "kind" in changes:
            changes["kind"] = Kind(changes["kind"])
        return replace(character, persona=replace(character.persona, **changes), visibility=visibility)


class CharacterOut(Wire):
    """A character, as whoever may meet it sees it. Whose a public one is, is not told."""

    id: UUID
    name: str
    kind: KindName
    role: str
    personality: str
    speaking_style: str
    greeting: str
    boundaries: str
    visibility: Literal["private", "unlisted", "public", "house"]
    is_own: bool
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, character: Character, reader: UserId) -> Self:
        """Show a character to a reader."""
        persona = character.persona
        return cls(
            id=character.id,
            name=persona.name,
            kind=persona.kind.value,
            role=persona.role,
            personality=persona.personality,
            speaking_style=persona.speaking_style,
            greeting=persona.greeting,
            boundaries=persona.boundaries,
            visibility=character.visibility.value,
            is_own=character.owner_id == reader,
            version=character.version,
            created_at=character.created_at,
            updated_at=character.updated_at,
        )
