"""What stories draw their people, places and reasons from when the prompt names none (material/pools.toml)."""

import tomllib
from pathlib import Path
from typing import Any

_TEXT = (Path(__file__).parent / "material" / "pools.toml").read_text(encoding="utf-8")
_TABLES: dict[str, dict[str, Any]] = tomllib.loads(_TEXT.replace("'", "\u2019"))


def _names(name: str) -> tuple[str, ...]:
    return tuple(word.replace("_", " ") for word in _TABLES["names"][name].split())


def _list(name: str) -> tuple[str, ...]:
    return tuple(_TABLES["lists"][name])


def _pairs(name: str) -> tuple[tuple[str, str], ...]:
    return tuple((first, second) for first, second in _TABLES["lists"][name])


WOMEN = _names("women")
MEN = _names("men")
KNOWN_WOMEN = frozenset((*WOMEN, *_names("known_women")))
KNOWN_MEN = frozenset((*MEN, *_names("known_men")))
SURNAMES = _names("surnames")
TOWNS = _names("towns")
RIVERS = _list("rivers")
STREETS = _list("streets")
PUBS = _list("pubs")
PAPERS = _list("papers")
DAYS = _list("days")
HOURS = _list("hours")
PLACES = _list("places")
OLD = _list("old")
JOBS = _list("jobs")
HABITS = _list("habits")
AGES = _list("ages")
RANKS = _list("ranks")
DEEDS = _list("deeds")
CULPRITS = _list("culprits")
WITNESSES = _list("witnesses")
WEEKS = _list("weeks")
YEARS = _list("years")
TITLES = _list("titles")
OBJECTS = _pairs("objects")
REASONS = _pairs("reasons")
SKIES: dict[str, tuple[str, ...]] = {season: tuple(skies) for season, skies in _TABLES["skies"].items()}
MONTHS: dict[str, tuple[str, ...]] = {season: tuple(months) for season, months in _TABLES["months"].items()}
