"""Which paragraphs are told: the spine first, then whatever brings the story nearest to the length asked for."""

import re
from dataclasses import dataclass
from random import Random

from sandbox.openai.prose.casting import Case
from sandbox.openai.prose.material import Paragraph, paragraphs

_IN_ORDER = """hook place victim last_seen discovery scene investigator canvass rumour herring alibi pressure clue link
    culprit interview truth arrest trial aftermath close"""
_BY_NEED = """hook discovery scene clue truth close investigator link victim interview herring alibi canvass trial place
    last_seen rumour culprit aftermath pressure arrest"""
_TO_WIDEN = """canvass scene interview victim rumour pressure place trial aftermath culprit investigator last_seen clue
    herring alibi link"""
TOLD, _SPINE, _WIDER = (tuple(beats.split()) for beats in (_IN_ORDER, _BY_NEED, _TO_WIDEN))
_MOST = {"herring": 2, "alibi": 2, "clue": 2, "link": 2, "culprit": 3, "trial": 3}
_GROUPS = (
    frozenset(["drowning", "fire", "poison", "vanished", "fall", "blow"]),
    frozenset(["convicted", "acquitted", "unsolved", "solved"]),
    frozenset(["recorded", "modern"]),
    frozenset(["small"]),
)
_SHORT = 500
_SENTENCE = re.compile(r"(?<=[.!?\u201d])\s+(?=[A-Z\u201c{])")


@dataclass(frozen=True, slots=True)
class _Pick:
    rank: tuple[int, int]
    text: str
    words: float


def choose(case: Case, words: int, rng: Random) -> list[str]:
    """Return paragraphs in the order told, about `words` words together, none of them twice."""
    chooser = _Chooser(case, words, rng)
    for beat in _SPINE:
        chooser.add(beat)
    for _ in range(8):
        for beat in _WIDER:
            if chooser.count(beat) < _MOST.get(beat, 8):
                chooser.add(beat)
    chooser.fill()
    if not chooser.picks:
        chooser.open_only()
    return [pick.text for pick in sorted(chooser.picks, key=lambda pick: pick.rank)]


class _Chooser:
    def __init__(self, case: Case, words: int, rng: Random) -> None:
        self._case = case
        self._left: float = words
        self._words = words
        self._limit = words * 0.04
        self._rng = rng
        self._used: set[str] = set()
        self._told: set[str] = set()
        self._spare: list[Paragraph] = []
        self.picks: list[_Pick] = []

    def count(self, beat: str) -> int:
        return sum(TOLD[pick.rank[0]] == beat for pick in self.picks)

    def add(self, beat: str) -> None:
        candidates = [one for one in paragraphs()[beat] if self._fits(one)]
        if not candidates:
            return
        better = [one for one in candidates if self._is_better(one)] if self.count(beat) == 0 else []
        paragraph = self._rng.choice(better or candidates)
        if paragraph.words <= self._left + self._limit:
            self._take(paragraph, paragraph.text, paragraph.words)
        else:
            self._spare.append(paragraph)

    def fill(self) -> None:
        """Use the opening sentences of a paragraph that was too long, so that the length comes out right."""
        for paragraph in self._spare:
            if self._left < max(12.0, self._limit):
                return
            sentences = _SENTENCE.split(paragraph.text)
            while sentences and sum(len(one.split()) for one in sentences) > self._left + self._limit:
                sentences.pop()
            text = " ".join(sentences)
            if sentences and text.count("\u201c") == text.count("\u201d") and self._fits(paragraph):
                self._take(paragraph, text, len(text.split()))

    def open_only(self) -> None:
        """Too few words for any paragraph: the shortest first sentence of a hook."""
        hooks = [one for one in paragraphs()["hook"] if self._fits(one)]
        hook = min(hooks, key=lambda one: len(_SENTENCE.split(one.text)[0]))
        self._take(hook, _SENTENCE.split(hook.text)[0], 0)

    def _is_better(self, paragraph: Paragraph) -> bool:
        """The first of a beat is about this kind of case; a short story says at once where it is."""
        says_where = paragraph.beat == "hook" and self._words < _SHORT and "{town" in paragraph.text
        return says_where or bool(paragraph.tags & _GROUPS[0])

    def _fits(self, paragraph: Paragraph) -> bool:
        asked = [group & paragraph.tags for group in _GROUPS]
        return (
            paragraph.text not in self._used
            and all(not tags or tags & self._case.tags for tags in asked)
            and paragraph.needs <= self._told
        )

    def _take(self, paragraph: Paragraph, text: str, words: float) -> None:
        order = paragraphs()[paragraph.beat].index(paragraph)
        self.picks.append(_Pick((TOLD.index(paragraph.beat), order), text, words))
        self._used.add(paragraph.text)
        self._left -= words
        self._told |= paragraph.gives
