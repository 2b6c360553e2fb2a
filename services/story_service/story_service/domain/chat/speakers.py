"""Who answers in a group: whoever is spoken to, else whoever knows most about it, and is not always the same."""

import re
from collections.abc import Sequence

from story_service.domain.character import Character
from story_service.domain.ids import CharacterId

MOST_SPEAKERS = 3
_WORD = re.compile(r"[^\W_]{4,}")
_EVERYBODY = re.compile(r"\b(?:everyone|everybody|all of you|you all|each of you)\b")
_RELEVANT = 2  # words in common that make a second character answer too
_COMMON = frozenset(
    _WORD.findall(
        "about after again also been before could does every from have here into just like more most much never only"
        " over said should some such than that their them then there they this what when where which while with would"
        " your"
    )
)


def speakers(
    cast: Sequence[Character], words: str, lately: Sequence[CharacterId], most: int = MOST_SPEAKERS
) -> tuple[CharacterId, ...]:
    """Return who answers `words`, in order. `lately` are those who spoke last, the latest first."""
    if len(cast) <= 1:
        return tuple(character.id for character in cast)
    spoken = words.casefold()
    named = [character for character in cast if _is_named(character, spoken)]
    if named:
        return tuple(character.id for character in sorted(named, key=lambda one: _place(one, spoken)))[:most]
    ranked = sorted(cast, key=lambda one: (-_relevance(one, spoken), -_silence(one, lately)))
    if _EVERYBODY.search(spoken):
        return tuple(character.id for character in ranked)[:most]
    first, *others = ranked
    also = [character for character in others if _relevance(character, spoken) >= _RELEVANT]
    return tuple(character.id for character in [first, *also])[: min(most, 2)]


def _names(character: Character) -> list[str]:
    """Return the whole name, and its parts that can be told from common words."""
    name = character.persona.name.casefold()
    return [name, *(part for part in _WORD.findall(name) if part not in _COMMON)]


def _is_named(character: Character, spoken: str) -> bool:
    return _place(character, spoken) < len(spoken)


def _place(character: Character, spoken: str) -> int:
    found = [re.search(rf"(?<!\w){re.escape(name)}(?!\w)", spoken) for name in _names(character)]
    return min((match.start() for match in found if match), default=len(spoken))


def _relevance(character: Character, spoken: str) -> int:
    persona = character.persona
    known = set(_WORD.findall(f"{persona.kind.value} {persona.role} {persona.personality}".casefold()))
    return len((known & set(_WORD.findall(spoken))) - _COMMON)


def _silence(character: Character, lately: Sequence[CharacterId]) -> int:
    """Return for how many turns it has said nothing."""
    return lately.index(character.id) if character.id in lately else len(lately) + 1
