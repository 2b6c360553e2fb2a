"""The best of any stretch of a sequence of ranks, without looking at all of it."""

from array import array
from collections.abc import Sequence

WIDTH = 16  # how many of each block are kept
_BLOCK, _FAN = 64, 8


class Best:
    """The lowest ranks of each block of 64, of each 8 such blocks, and so on; `levels` as `levels_of` made them."""

    def __init__(self, ranks: Sequence[int], levels: Sequence[Sequence[int]]) -> None:
        self._ranks, self._levels = ranks, levels

    def among(self, low: int, high: int) -> list[int]:
        """Return the WIDTH lowest ranks from `low` to before `high`, or all there are."""
        return sorted(self._gathered(low, high))[:WIDTH]

    def all(self, low: int, high: int) -> list[int]:
        """Return all of them, the lowest first."""
        return sorted(self._ranks[low:high])

    def _gathered(self, low: int, high: int) -> list[int]:
        """Return ranks with the lowest among them: of whole blocks as large as fit, and of the rest at both ends."""
        found: list[int] = []
        source, fan, kept = self._ranks, _BLOCK, 1
        for level in self._levels:
            first, last = -(-low // fan), high // fan
            if first >= last:
                break
            found += source[low * kept : first * fan * kept]
            found += source[last * fan * kept : high * kept]
            low, high, source, fan, kept = first, last, level, _FAN, WIDTH
        found += source[low * kept : high * kept]
        return found


def levels_of(ranks: Sequence[int]) -> list["array[int]"]:
    """Return the levels over ranks: only whole blocks have a place in them."""
    levels: list[array[int]] = []
    source, stride = ranks, _BLOCK
    while len(source) >= stride:
        level = array("I")
        for block in range(len(source) // stride):
            level.extend(sorted(source[block * stride : (block + 1) * stride])[:WIDTH])
        levels.append(level)
        source, stride = level, _FAN * WIDTH
    return levels
