"""Who is to occur in a story: as much of a character as its writer needs, kept with the request.

So a request says the same when it is tried again, and costs at most what was quoted, whatever became of the character.
"""

from dataclasses import dataclass

from story_service.domain.character import Character
from story_service.domain.excerpts import beginning
from story_service.domain.fences import fenced, unfenced

MOST = 5
_LONG, _SHORT = 600, 300


@dataclass(frozen=True, slots=True)
class CastMember:
    """A character in the words of its persona, cut to a bound."""

    name: str
    kind: str
    role: str
    personality: str
    speaking_style: str
    boundaries: str


def cast_member(character: Character) -> CastMember:
    """Return what a writer is told of a character."""
    persona = character.persona
    return CastMember(
        persona.name,
        persona.kind,
        persona.role,
        beginning(persona.personality, _LONG),
        beginning(persona.speaking_style, _SHORT),
        beginning(persona.boundaries, _SHORT),
    )


def described(cast: tuple[CastMember, ...]) -> str:
    """Return the cast as data for a model."""
    return fenced("cast", "\n".join(_one(member) for member in cast), inner=True)


def _one(member: CastMember) -> str:
    known = {
        "name": member.name,
        "kind": member.kind,
        "role": member.role,
        "personality": member.personality,
        "speaks": member.speaking_style,
        "never": member.boundaries,
    }
    return fenced("character", "\n".join(f"{what}: {unfenced(words)}" for what, words in known.items() if words))
