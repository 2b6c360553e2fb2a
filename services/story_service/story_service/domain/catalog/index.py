"""The completion of titles: what was packed, and over it what changed since then."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from story_service.domain.catalog.best import Best
from story_service.domain.catalog.entry import CatalogEntry, Hit
from story_service.domain.catalog.snapshot import Packer, Snapshot
from story_service.domain.catalog.sorted_keys import Span

_SHORTEST_TYPO, _MOST_WORDS = 3, 5
Places = Callable[[Snapshot], tuple[Best, Sequence[Span]]]


def packed(entries: Iterable[CatalogEntry]) -> Snapshot:
    """Pack some entries in memory."""
    packer = Packer()
    for one in sorted(entries, key=lambda one: (one.popularity, one.id), reverse=True):
        packer.add((one.type, one.id.bytes, one.title, one.key, one.popularity, one.truth_mode))
    return Snapshot(b"".join(packer.image()))


@dataclass(frozen=True, slots=True)
class CatalogIndex:
    """A large snapshot, and a small one of entries that came or changed since. `changed` are the ids of those,

    and of entries that went: the large one does not count for them.
    """

    base: Snapshot
    recent: Snapshot = field(default_factory=lambda: packed([]))
    changed: frozenset[bytes] = frozenset()

    def complete(self, typed: str, most: int) -> list[Hit]:
        """Return titles that are just so, then those that begin so, then those a later word of which begins so.

        If there are none, return those for which this holds but for one typo.
        """
        key = typed.encode()
        hits = self._gathered(
            [
                lambda snapshot: _titles(snapshot, [snapshot.keys.whole(key)]),
                lambda snapshot: _titles(snapshot, [snapshot.keys.span(key)]),
                lambda snapshot: _of_words(snapshot, [snapshot.words.span(key)]),
            ],
            typed,
            most,
        )
        if hits or len(typed) < _SHORTEST_TYPO:
            return hits
        near = {id(snapshot): snapshot.keys.near(typed) for snapshot in (self.base, self.recent)}
        return self._gathered(
            [
                lambda snapshot: _titles(snapshot, near[id(snapshot)][0]),
                lambda snapshot: _titles(snapshot, near[id(snapshot)][1]),
                lambda snapshot: _of_words(snapshot, snapshot.words.near(typed)[1]),
            ],
            typed,
            most,
        )

    def words_near(self, word: str) -> list[str]:
        """Return the word when a title has it; else those that it may be meant for, the most frequent first."""
        found: dict[str, int] = {}
        for snapshot in (self.base, self.recent):
            for low, high in snapshot.words.near(word)[0]:
                for number in range(low, high):
                    near, count = snapshot.word(number)
                    found[near] = found.get(near, 0) + count
        if word in found or len(word) < _SHORTEST_TYPO:
            return [word]
        return sorted(found, key=lambda near: (-found[near], near))[:_MOST_WORDS] or [word]

    def _gathered(self, ways: Sequence[Places], typed: str, most: int) -> list[Hit]:
        """Look one place after another until there are enough; the last one is for a single word."""
        hits: list[Hit] = []
        for looks in ways[:-1] if " " in typed else ways:
            if len(hits) < most:
                hits += self._best(looks, most, hits)
        return hits

    def _best(self, places: Places, most: int, but: Sequence[Hit] = ()) -> list[Hit]:
        """Return the most popular of what lies at these places, without those found already."""
        known = {hit.id.bytes for hit in but}
        wanted = most - len(known)
        hits = _best_of(self.base, places(self.base), wanted, known | self.changed)
        if len(self.recent):
            hits += _best_of(self.recent, places(self.recent), wanted, known)
            hits.sort(key=lambda hit: hit.place, reverse=True)
        return hits[:wanted]


def _best_of(snapshot: Snapshot, places: tuple[Best, Sequence[Span]], most: int, hidden: set[bytes]) -> list[Hit]:
    best, spans = places
    ranks = sorted(rank for span in spans for rank in best.among(*span))
    shown = _shown(snapshot, ranks, most, hidden)
    if len(shown) < most and len(ranks) < sum(high - low for low, high in spans):
        # Too many of the best are hidden, or said twice: look at all.
        shown = _shown(snapshot, sorted(rank for span in spans for rank in best.all(*span)), most, hidden)
    return [snapshot.hit(rank) for rank in shown]


def _shown(snapshot: Snapshot, ranks: Sequence[int], most: int, hidden: set[bytes]) -> list[int]:
    """Return the first of these ranks that are not hidden, each once."""
    shown: list[int] = []
    for rank in ranks:
        if len(shown) == most:
            break
        if not (shown and shown[-1] == rank) and snapshot.id(rank) not in hidden:
            shown.append(rank)
    return shown


def _titles(snapshot: Snapshot, spans: Sequence[Span]) -> tuple[Best, Sequence[Span]]:
    return snapshot.by_key, spans


def _of_words(snapshot: Snapshot, spans: Sequence[Span]) -> tuple[Best, Sequence[Span]]:
    return snapshot.by_word, [snapshot.tops(low, high) for low, high in spans]
