"""A character: an invented person to talk with and to write about. Never a real one."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from story_service.domain.errors import CharacterLimitReached, NotTheOwner, SubscriptionRequired, VersionConflict
from story_service.domain.ids import CharacterId, UserId

OWN = "characters.own"


class Kind(StrEnum):
    """What a character is in a case."""

    DETECTIVE = "detective"
    JOURNALIST = "journalist"
    PROFILER = "profiler"
    LAWYER = "lawyer"
    NARRATOR = "narrator"
    SUSPECT = "suspect"
    WITNESS = "witness"
    CUSTOM = "custom"


class Visibility(StrEnum):
    """Who meets a character; an unlisted one is found by its id alone."""

    PRIVATE = "private"
    UNLISTED = "unlisted"
    PUBLIC = "public"
    HOUSE = "house"


@dataclass(frozen=True, slots=True)
class Persona:
    """Who a character is, in words. For a model all of it is data, also the boundaries (pitfall B33)."""

    name: str
    kind: Kind
    role: str
    personality: str
    speaking_style: str = ""
    greeting: str = ""
    boundaries: str = ""

    @property
    def text(self) -> str:
        """Everything that is judged before anybody meets it."""
        parts = (self.name, self.role, self.personality, self.speaking_style, self.greeting, self.boundaries)
        return "\n".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Character:
    """A character of somebody, or of the house, which owns none. `version` counts changes."""

    id: CharacterId
    owner_id: UserId | None
    persona: Persona
    visibility: Visibility
    created_at: datetime
    updated_at: datetime
    approved: bool = True
    version: int = 1

    def is_visible_to(self, user_id: UserId) -> bool:
        """Tell whether this reader may meet it."""
        return self.owner_id == user_id or (self.approved and self.visibility is not Visibility.PRIVATE)

    def demand_owner(self, user_id: UserId) -> None:
        """Raise NotTheOwner for anybody else."""
        if self.owner_id != user_id:
            raise NotTheOwner

    def edited(self, persona: Persona, visibility: Visibility, *, version: int, now: datetime) -> "Character":
        """Return it changed. Raises VersionConflict when `version` is not the one that is to be changed."""
        if self.version != version:
            raise VersionConflict
        return replace(self, persona=persona, visibility=visibility, version=version + 1, updated_at=now)


def demand_room(limit: int | None, used: int, plans: tuple[str, ...]) -> None:
    """Raise SubscriptionRequired where the plan has no own characters, CharacterLimitReached where they are all there.

    A limit of None is none.
    """
    if limit == 0:
        raise SubscriptionRequired(plans)
    if limit is not None and used >= limit:
        raise CharacterLimitReached(limit, used, plans)
