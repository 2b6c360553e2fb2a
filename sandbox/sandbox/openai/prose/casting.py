"""Who, where, when and why: every fact of one case, drawn once and kept for the whole story."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from sandbox.openai.prose import pools
from sandbox.openai.prose.brief import Brief

_ENDINGS = ("convicted", "convicted", "convicted", "convicted", "acquitted", "unsolved")
_KINDS = ("drowning", "fire", "poison", "vanished", "fall", "blow")
_PRONOUNS = {
    True: {"he": "she", "him": "her", "his": "her", "himself": "herself"},
    False: {"he": "he", "him": "him", "his": "his", "himself": "himself"},
}


@dataclass(frozen=True, slots=True)
class Mention:
    """A thing is introduced once and spoken of more shortly afterwards; `apposition` follows the first name."""

    full: str
    short: str
    apposition: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """`facts` fill plain slots, `mentions` those that know whether they have been met before."""

    tags: frozenset[str]
    facts: Mapping[str, str]
    mentions: Mapping[str, Mention]
    skies: tuple[str, ...]


class _Names:
    """Draws people whose names cannot be confused."""

    def __init__(self, rng: Random, taken: list[str | None]) -> None:
        self._rng = rng
        self._used = {word for name in taken if name for word in name.split()}

    def person(self, *, is_woman: bool, given: str | None = None) -> str:
        words = (given or "").split()
        titled = bool(words) and words[0].rstrip(".") in ("Dr", "Mr", "Mrs", "Miss")
        if len(words) > 1:
            return " ".join(words)
        first = words[0] if words and not titled else self._draw(pools.WOMEN if is_woman else pools.MEN)
        return f"{first} {self._draw(pools.SURNAMES)}"

    def surname(self) -> str:
        return self._draw(pools.SURNAMES)

    def _draw(self, pool: tuple[str, ...]) -> str:
        free = [name for name in pool if name not in self._used and name[0] not in {word[0] for word in self._used}]
        name = self._rng.choice(free or [name for name in pool if name not in self._used])
        self._used.add(name)
        return name


def cast(brief: Brief) -> Case:
    rng = Random(brief.key)
    season = brief.season or rng.choice(tuple(pools.SKIES))
    kind, ending = brief.kind or rng.choice(_KINDS), brief.ending or rng.choice(_ENDINGS)
    year = brief.year or rng.randint(1949, 1974)
    facts = _setting(rng, brief, season, year)
    mentions, people = _people(rng, brief)
    object_, reason = rng.choice(pools.OBJECTS), rng.choice(pools.REASONS)
    mentions["object"] = Mention(*object_)
    mentions["place"] = _place(rng, brief.place)
    facts |= people | {"reason": reason[0], "reason.full": reason[1]}
    tags = {kind, ending, "solved" if ending == "convicted" else "open", season}
    tags |= {"recorded"} if year >= 1955 else set()
    tags |= {"modern"} if year >= 2000 else set()
    tags |= {"small"} if brief.town is None else set()
    skies = list(pools.SKIES[season])
    rng.shuffle(skies)
    return Case(frozenset(tags), facts, mentions, tuple(skies))


def _setting(rng: Random, brief: Brief, season: str, year: int) -> dict[str, str]:
    month, town = rng.choice(pools.MONTHS[season]), brief.town or rng.choice(pools.TOWNS)
    return {
        "town": town, "town.cap": town[0].upper() + town[1:], "river": rng.choice(pools.RIVERS), "season": season,
        "street": rng.choice(pools.STREETS), "pub": rng.choice(pools.PUBS), "paper": rng.choice(pools.PAPERS),
        "month": month, "month.cap": month, "year": str(year), "date": f"{rng.randint(2, 28)} {month} {year}",
        "day": rng.choice(pools.DAYS), "hour": rng.choice(pools.HOURS), "weeks": (weeks := rng.choice(pools.WEEKS)),
        "weeks.cap": weeks.capitalize(), "years": rng.choice(pools.YEARS),
    }  # fmt: skip


def _people(rng: Random, brief: Brief) -> tuple[dict[str, Mention], dict[str, str]]:
    detective = brief.detective[1] if brief.detective else None
    names = _Names(rng, [brief.victim, brief.culprit, detective])
    sexes = {role: rng.random() < odds for role, odds in (("v", 0.5), ("d", 0.5), ("w", 0.6), ("h", 0.2), ("c", 0.4))}
    given = {"v": brief.victim, "d": detective, "c": brief.culprit}
    if brief.victim_is_woman is not None:
        sexes["v"] = brief.victim_is_woman
    for role, name in given.items():
        sexes[role] = _sex_of(name, sexes[role])
    full = {role: names.person(is_woman=is_woman, given=given.get(role)) for role, is_woman in sexes.items()}
    rank = brief.detective[0] if brief.detective else rng.choice(pools.RANKS)
    partner = names.person(is_woman=False)
    mentions = {
        "v": Mention(full["v"], _called(full["v"])),
        "d": Mention(f"{rank} {full['d']}", _last(full["d"])),
        "p": Mention(f"Constable {partner}", _last(partner)),
        "w": Mention(full["w"], _last(full["w"]), rng.choice(pools.WITNESSES)),
        "h": Mention(full["h"], _last(full["h"])),
        "c": Mention(full["c"], _last(full["c"]), rng.choice(pools.CULPRITS)),
    }
    job = _job(rng, brief.job)
    facts = {
        "v.job": job,
        "v.trade": re.sub(r"^an? (?:retired|former|young|old|small-town|local) ", "a ", job),
        "v.habit": rng.choice(pools.HABITS),
        "h.deed": rng.choice(pools.DEEDS),
    }
    facts |= {f"{role}.age": age for role, age in zip("vdc", rng.sample(pools.AGES, 3), strict=True)}
    for role, is_woman in sexes.items():
        for word, pronoun in _PRONOUNS[is_woman].items():
            facts |= {f"{role}.{word}": pronoun, f"{role}.{word.capitalize()}": pronoun.capitalize()}
    return mentions, facts


def _sex_of(name: str | None, otherwise: bool) -> bool:
    words = (name or "").removeprefix("Dr. ").removeprefix("Dr ").split()
    if not words:
        return otherwise
    if words[0].rstrip(".") in ("Mrs", "Miss") or words[0] in pools.KNOWN_WOMEN:
        return True
    if words[0].rstrip(".") == "Mr" or words[0] in pools.KNOWN_MEN:
        return False
    return words[0].endswith(("a", "ah", "ie", "ine", "elle", "ette", "lyn")) or (otherwise and len(words) == 1)


def _called(name: str) -> str:
    """The victim goes by the first name, unless a title stands there."""
    first, *rest = name.split()
    return name if first.rstrip(".") in ("Dr", "Mr", "Mrs", "Miss") and rest else first


def _last(name: str) -> str:
    return name.rpartition(" ")[2]


def _job(rng: Random, asked: str | None) -> str:
    if asked is None:
        return rng.choice(pools.JOBS)
    asked = re.sub(r"^(?:an?|the)\s", "", asked)
    return f"{'an' if asked[0] in 'aeiou' else 'a'} {asked}"


def _place(rng: Random, asked: str | None) -> Mention:
    noun = asked or rng.choice(pools.PLACES)
    return Mention(f"{rng.choice(pools.OLD) if asked is None else 'the'} {noun}", f"the {noun}")
