"""Stops calling a peer that fails, asks now and then whether it is back, and retries within bounds (reliability.md)."""

import time
from collections import deque
from collections.abc import Callable

_WINDOW = 10.0
_FEWEST_CALLS = 20
_FAILING_SHARE = 0.5
_PROBE_EVERY = 5.0
_RETRIED_SHARE, _SPARE_RETRIES = 0.1, 10.0


class CircuitBreaker:
    """Opens when half of at least 20 calls within 10 s failed; then one probe every 5 s, whose success closes it."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._calls: deque[tuple[float, bool]] = deque()
        self._failures = 0
        self._probe_at: float | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether calls are held back now."""
        return self._probe_at is not None

    def allows(self) -> bool:
        """Tell whether a call may be made now; while open, saying yes takes the probe's turn."""
        now = self._monotonic()
        if self._probe_at is None:
            return True
        if now < self._probe_at:
            return False
        self._probe_at = now + _PROBE_EVERY
        return True

    def record(self, *, succeeded: bool) -> None:
        """Tell how a call that was allowed ended."""
        now = self._monotonic()
        if self._probe_at is not None:
            if succeeded:
                self._probe_at, self._failures = None, 0
                self._calls.clear()
            return
        self._calls.append((now, succeeded))
        self._failures += not succeeded
        while self._calls[0][0] <= now - _WINDOW:
            self._failures -= not self._calls.popleft()[1]
        if len(self._calls) >= _FEWEST_CALLS and self._failures >= _FAILING_SHARE * len(self._calls):
            self._probe_at = now + _PROBE_EVERY


class RetryBudget:
    """Lets a tenth of the calls be made again, so that retries never double the load on a peer that is in trouble.

    Each call earns a tenth of a retry; `spare` of them are there at first, and are the most that is saved.
    """

    def __init__(self, spare: float = _SPARE_RETRIES) -> None:
        self._most = self._left = spare

    def call(self) -> None:
        """Count a first attempt."""
        self._left = min(self._most, self._left + _RETRIED_SHARE)

    def take(self) -> bool:
        """Tell whether one may be made again, and count it."""
        if self._left < 1:
            return False
        self._left -= 1
        return True
