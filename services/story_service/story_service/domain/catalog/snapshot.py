"""The titles of a catalog as one flat image, to be looked into where it lies: in memory or in a mapped file."""

import json
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, product
from typing import Any, Literal
from uuid import UUID

from story_service.domain.catalog.best import Best, levels_of
from story_service.domain.catalog.entry import EntryType, Hit
from story_service.domain.catalog.sorted_keys import Buffer, SortedKeys
from story_service.domain.story import TruthMode

_HEADER, _ID = 4096, 16
_KEPT_A_WORD = 16  # so many of the titles with a word are found by it
_MODES: list[TruthMode | None] = [None, *TruthMode]
_TYPES = list(EntryType)  # an image lives as long as a process: places in these lists may be kept in it
_KINDS: dict[tuple[str, str | None], int] = {
    (name, mode): place for place, (name, mode) in enumerate(product(_TYPES, _MODES))
}
Line = tuple[str, bytes, str, str, int, str | None]
"""An entry as it is read in large numbers: type, id, title, key, popularity, truth mode."""


class _Layout:
    """Parts one behind another, each at a multiple of eight, and where each of them lies."""

    def __init__(self) -> None:
        self.places: dict[str, tuple[int, int]] = {}
        self.parts: list[bytes | memoryview] = []
        self.end = _HEADER

    def add(self, name: str, part: Any) -> None:
        plain = memoryview(part).cast("B") if len(part) else memoryview(b"")
        padding = bytes(-len(plain) % 8)
        self.places[name] = (self.end, self.end + len(plain))
        self.parts += [plain, padding]
        self.end += len(plain) + len(padding)

    def add_texts(self, name: str, texts: Sequence[bytes]) -> None:
        self.add(f"{name}_start", array("I", accumulate(map(len, texts), initial=self._behind(texts))))
        self.add(name, b"".join(texts))

    def add_ranks(self, name: str, ranks: "array[int]") -> None:
        self.add(f"{name}_rank", ranks)
        for number, level in enumerate(levels_of(ranks)):
            self.add(f"{name}_level_{number}", level)

    def _behind(self, texts: Sequence[bytes]) -> int:
        """Return where texts will lie whose places come first."""
        starts = (len(texts) + 1) * array("I").itemsize
        return self.end + starts + -starts % 8


@dataclass(slots=True)
class Packer:
    """Takes entries, the most popular first, and writes the image. An entry is known by its place in that order."""

    ids: bytearray = field(default_factory=bytearray)
    kinds: bytearray = field(default_factory=bytearray)
    popularity: "array[int]" = field(default_factory=lambda: array("Q"))
    keys: list[bytes] = field(default_factory=list)
    titles: list[bytes] = field(default_factory=list)

    def add(self, entry: Line) -> None:
        """Take the next one."""
        name, entry_id, title, key, popularity, mode = entry
        self.ids += entry_id
        self.kinds.append(_KINDS[name, mode])
        self.popularity.append(popularity)
        self.keys.append(key.encode())
        self.titles.append(title.encode())

    def image(self) -> Iterable[bytes | memoryview]:
        """Return the image piece by piece. It is the last thing to ask of a packer, which is empty afterwards."""
        layout = _Layout()
        layout.add_texts("title", self.titles)
        self.titles.clear()
        order = array("I", sorted(range(len(self.keys)), key=self.keys.__getitem__))
        layout.add_texts("key", [self.keys[rank] for rank in order])
        layout.add_ranks("key", order)
        for name, part in (("id", self.ids), ("kind", self.kinds), ("popularity", self.popularity)):
            layout.add(name, part)
        self._add_words(layout)
        header = json.dumps(layout.places).encode()
        assert len(header) <= _HEADER
        return [header.ljust(_HEADER), *layout.parts]

    def _add_words(self, layout: _Layout) -> None:
        """Add each word with how many titles have it, and the best of them."""
        words = _words(self.keys)
        self.keys.clear()
        names = sorted(words)
        layout.add_texts("word", names)
        layout.add("word_count", array("I", (words[name][0] for name in names)))
        tops, starts = array("I"), array("I", [0])
        for name in names:
            tops.extend(words.pop(name)[1:])
            starts.append(len(tops))
        layout.add("top_start", starts)
        layout.add_ranks("top", tops)


def _words(keys: Sequence[bytes]) -> dict[bytes, list[int]]:
    """Return for each word the number of its titles and the lowest ranks of these, in one list to save memory."""
    words: dict[bytes, list[int]] = {}
    for rank, key in enumerate(keys):
        for word in set(key.split()):
            found = words.get(word)
            if found is None:
                words[word] = [1, rank]
            else:
                found[0] += 1
                if len(found) <= _KEPT_A_WORD:
                    found.append(rank)
    return words


class Snapshot:
    """An image, opened."""

    def __init__(self, image: Buffer) -> None:
        view = memoryview(image)  # type: ignore[arg-type]  # typing has no name for what memoryview takes before 3.12
        self._places: dict[str, tuple[int, int]] = json.loads(bytes(view[:_HEADER]))
        self._view, self._image = view, image
        self._ids, self._kinds = self._part("id"), self._part("kind")
        self._popularity, self._counts = self._part("popularity", "Q"), self._part("word_count", "I")
        self._title_starts, self._top_starts = self._part("title_start", "I"), self._part("top_start", "I")
        self.keys, self.words = self._texts("key"), self._texts("word")
        self.by_key, self.by_word = self._best("key"), self._best("top")

    def __len__(self) -> int:
        return len(self._kinds)

    @property
    def size(self) -> int:
        """Return how many bytes the image has."""
        return len(self._view)

    def hit(self, rank: int) -> Hit:
        """Return the entry with this rank."""
        kind, mode = divmod(self._kinds[rank], len(_MODES))
        title = self._image[self._title_starts[rank] : self._title_starts[rank + 1]].decode()
        return Hit(_TYPES[kind], UUID(bytes=self.id(rank)), title, self._popularity[rank], _MODES[mode])

    def id(self, rank: int) -> bytes:
        """Return the id of the entry with this rank."""
        return bytes(self._ids[rank * _ID : (rank + 1) * _ID])

    def word(self, number: int) -> tuple[str, int]:
        """Return a word, and how many titles have it."""
        return self.words[number].decode(), self._counts[number]

    def tops(self, low: int, high: int) -> tuple[int, int]:
        """Return where the best titles of these words lie."""
        return self._top_starts[low], self._top_starts[high]

    def _texts(self, name: str) -> SortedKeys:
        return SortedKeys(self._image, self._part(f"{name}_start", "I"))

    def _best(self, name: str) -> Best:
        found = (f"{name}_level_{number}" for number in range(len(self._places)))
        levels = [self._part(level, "I") for level in found if level in self._places]
        return Best(self._part(f"{name}_rank", "I"), levels)

    def _part(self, name: str, letter: Literal["B", "I", "Q"] = "B") -> "memoryview[int]":
        low, high = self._places[name]
        return self._view[low:high].cast(letter)
