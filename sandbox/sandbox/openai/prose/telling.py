"""Paragraphs into prose: choices made, facts filled in, people introduced once and known by a shorter name after."""

import re
from itertools import cycle
from random import Random

from sandbox.openai.prose.casting import Case, Mention

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{([a-z]+)(\.[A-Za-z]+)?([+~])?\}")


class Telling:
    """One story being told, from its first paragraph to its last."""

    def __init__(self, case: Case, rng: Random) -> None:
        self._case = case
        self._rng = rng
        self._met: set[str] = set()
        self._skies = cycle(case.skies)

    def tell(self, template: str) -> str:
        while _CHOICE.search(template):
            template = _CHOICE.sub(lambda choice: self._rng.choice(choice[1].split("|")), template)
        return self._fill(template)

    def _fill(self, template: str) -> str:
        text = _SLOT.sub(self._slot, template)
        return text[0].upper() + text[1:]

    def _slot(self, slot: re.Match[str]) -> str:
        name, part, mark = slot[1], slot[2] or "", slot[3]
        if mark == "~":
            return next(self._skies)
        mention = self._case.mentions.get(name)
        if mention is not None and part in ("", ".cap"):
            words = self._mention(name, mention, slot, introduces=mark == "+")
            return words[0].upper() + words[1:] if part else words
        fact = self._case.facts[name + part]
        return _SLOT.sub(self._slot, fact)

    def _mention(self, name: str, mention: Mention, slot: re.Match[str], *, introduces: bool) -> str:
        if name in self._met:
            return mention.short
        self._met.add(name)
        if not (introduces and mention.apposition):
            return mention.full
        comma = "" if slot.string[slot.end() : slot.end() + 1] in (",", ".", ";", ":", "?") else ","
        return f"{mention.full}, {_SLOT.sub(self._slot, mention.apposition)}{comma}"
