"""Keys in order, one behind another in one buffer: an implicit trie that costs no object a key."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Protocol

from story_service.domain.catalog.typos import begins_near, is_near

Span = tuple[int, int]
_FEW = 24  # so many keys are compared one by one sooner than their next letters are looked for
_MANY = 4096  # the letters behind a beginning that so many keys share are remembered
_PAST = b"\xff"  # no byte of UTF-8: it comes behind every key that begins with what stands before it
_BEFORE = b"\x01"  # no letter either: it comes before them, and behind the key that ends here


class Buffer(Protocol):
    """Bytes, or a file in memory."""

    def __getitem__(self, part: slice, /) -> bytes: ...


class SortedKeys:
    """Keys in UTF-8, in the order of their letters. Key `n` lies from `starts[n]` to `starts[n + 1]`."""

    def __init__(self, buffer: Buffer, starts: Sequence[int]) -> None:
        self._buffer, self._starts = buffer, starts
        self._branches: dict[tuple[int, Span], list[tuple[bytes, Span]]] = {}

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, number: int) -> bytes:
        return self._buffer[self._starts[number] : self._starts[number + 1]]

    def span(self, beginning: bytes, within: Span | None = None) -> Span:
        """Return from where to where the keys stand that begin so."""
        low, high = within or (0, len(self))
        first = self._first(beginning, low, high)
        if first == high or not self[first].startswith(beginning):
            return first, first
        return first, self._first(beginning + _PAST, first, high)

    def whole(self, key: bytes, within: Span | None = None) -> Span:
        """Return from where to where this key stands."""
        low, high = within or (0, len(self))
        first = self._first(key, low, high)
        if first == high or self[first] != key:
            return first, first
        return first, self._first(key + _BEFORE, first, high)

    def near(self, typed: str) -> tuple[list[Span], list[Span]]:
        """Return where keys are one typo away from `typed`, or none; and where a beginning of them is.

        The letters before a typo are right, so each place of it is tried under the keys that begin with them; as soon
        as these are few, they are compared one by one.
        """
        found: set[Span] = set()
        whole: set[Span] = set()
        right, within = b"", (0, len(self))
        for at in range(len(typed) + 1):
            if within[1] - within[0] <= _FEW:
                few = [(number, self[number].decode()) for number in range(*within)]
                found.update((number, number + 1) for number, key in few if begins_near(key, typed))
                whole.update((number, number + 1) for number, key in few if is_near(key, typed))
                break
            if at == len(typed):
                found.add(within)
                whole.add(self.whole(right, within))
                break
            for beginning, span in self._mended(right, typed[at:], within):
                found.add(span)
                whole.add(self.whole(beginning, span))
            right += typed[at].encode()
            within = self.span(right, within)
        return _joined(whole), _joined(found)

    def _mended(self, right: bytes, rest: str, within: Span) -> list[tuple[bytes, Span]]:
        """Return how and where keys go on behind `right` as `rest` does, but for a typo at its first letter."""
        whole, behind = rest.encode(), rest[1:].encode()
        ways = [(right + behind, within)]
        if len(rest) > 1:
            ways.append((right + (rest[1] + rest[0] + rest[2:]).encode(), within))
        for letter, branch in self._letters(len(right), within):
            ways += [(right + letter + behind, branch), (right + letter + whole, branch)]
        spans = ((beginning, self.span(beginning, branch)) for beginning, branch in ways)
        return [(beginning, span) for beginning, span in spans if span[0] < span[1]]

    def _letters(self, depth: int, within: Span) -> list[tuple[bytes, Span]]:
        """Return the letters by which keys that agree up to `depth` go on, and where."""
        if (known := self._branches.get((depth, within))) is not None:
            return known
        letters = []
        low, high = within
        low = self._first(self[low][:depth] + _BEFORE, low, high)
        while low < high:
            key = self[low]
            letter = key[depth : depth + _length(key[depth])]
            end = self._first(key[:depth] + letter + _PAST, low, high)
            letters.append((letter, (low, end)))
            low = end
        if high - within[0] > _MANY:
            self._branches[depth, within] = letters
        return letters

    def _first(self, key: bytes, low: int, high: int) -> int:
        return bisect_left(self, key, low, high)


def _length(lead: int) -> int:
    """Return of how many bytes the letter is that begins with this one."""
    return 1 if lead < 0x80 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4


def _joined(spans: set[Span]) -> list[Span]:
    """Return the same places without overlaps."""
    joined: list[Span] = []
    for low, high in sorted(spans):
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return joined
