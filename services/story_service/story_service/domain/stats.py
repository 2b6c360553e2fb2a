"""A reader among readers."""

from bisect import bisect_left
from collections.abc import Sequence


def percentile(tokens: int, bounds: Sequence[int]) -> int | None:
    """Return how many of a hundred readers used less, by the 99 bounds between the hundredths; None without any."""
    return bisect_left(bounds, tokens) if bounds else None
