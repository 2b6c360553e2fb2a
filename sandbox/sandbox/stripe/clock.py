"""The account's time: wall time plus an offset that only grows, kept with the state."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sandbox.stripe.store import Store


class Clock:
    def __init__(self, store: Store, wall: Callable[[], float] = time.time) -> None:
        self._store = store
        self._wall = wall
        self._held: int | None = None
        self.offset = int(store.setting("clock_offset") or 0)

    def now(self) -> int:
        return self._held if self._held is not None else int(self._wall()) + self.offset

    def advance(self, seconds: int) -> None:
        self.offset += seconds
        self._store.set_setting("clock_offset", str(self.offset))

    @contextmanager
    def held_at(self, moment: int) -> Iterator[None]:
        """What falls due happens at the second it fell due, also when time jumped far beyond."""
        before, self._held = self._held, moment
        try:
            yield
        finally:
            self._held = before
