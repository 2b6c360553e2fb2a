"""Cuts a stream into windows that are judged and released whole; title and first sentence are short, to come early."""

import re
from dataclasses import dataclass

_SENTENCE = re.compile(r"[.!?…]")
_SENTENCE_END = re.compile(r"[.!?…][^\w\s]*(?=\s)|\S\s*\n")


@dataclass(frozen=True, slots=True)
class WindowRule:
    """When a window is full: the first at a sentence or `first` characters, others at `most`, any after `seconds`."""

    first: int
    most: int
    seconds: float


HELD_BACK = WindowRule(first=240, most=600, seconds=1.5)
AT_ONCE = WindowRule(first=1, most=200, seconds=0.25)


class WindowCutter:
    """Takes pieces of text with the time they came; gives windows."""

    def __init__(self, rule: WindowRule) -> None:
        self._rule, self._held, self._since, self._is_first = rule, "", 0.0, True

    def add(self, piece: str, at: float) -> list[str]:
        """Take a piece and return the windows it filled."""
        if not self._held:
            self._since = at
        self._held += piece
        full = []
        while (cut := self._cut()) or self._is_late(at):
            full.append(self._take(cut or len(self._held), at))
        return full

    def late(self, at: float) -> str:
        """Return what has waited too long, or nothing."""
        return self._take(len(self._held), at) if self._is_late(at) else ""

    def patience(self, at: float) -> float | None:
        """Return for how long the held text may wait still; None when nothing is held."""
        return max(0.0, self._since + self._rule.seconds - at) if self._held else None

    def rest(self) -> str:
        """Return what is left at the end."""
        return self._take(len(self._held), 0.0)

    def _is_late(self, at: float) -> bool:
        return bool(self._held) and at - self._since >= self._rule.seconds

    def _cut(self) -> int:
        if not self._is_first:
            return self._rule.most if len(self._held) >= self._rule.most else 0
        sentence = _SENTENCE_END.search(self._held, 0, self._rule.first + 1)
        if sentence:
            return min(sentence.end(), self._rule.first)
        return self._rule.first if len(self._held) >= self._rule.first else 0

    def _take(self, size: int, at: float) -> str:
        window, self._held = self._held[:size], self._held[size:]
        self._since = at
        self._is_first = self._is_first and window.endswith("\n") and not _SENTENCE.search(window)
        return window
