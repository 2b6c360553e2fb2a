"""The end of a process, in the order that a load balancer needs: leave the rotation, end streams, then stop.

A stream that ended earlier would send its reader back to this process: the load balancer still knows it.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

Part = TypeVar("Part")
_SOONEST_MS, _LATEST_MS = 200, 1200


class Leaving(Exception):
    """This process was told to end and wants no more requests."""


class Drain:
    """What a process knows of its own end, for whatever would otherwise outlast it. All times are in seconds.

    `leaving` turns true when the process is told to end: it is not ready any more, and connections close behind
    their answers. `ending` is set when nobody sends requests here any more: streams end now.
    """

    def __init__(self, seconds: float = 3.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.leaving = False
        self.ending = asyncio.Event()
        self._seconds, self._clock = seconds, clock
        self._deadline: float | None = None
        self._waiting: set[asyncio.Timeout] = set()

    def leave(self) -> None:
        """Note that the process was told to end. Fit for a signal handler."""
        self.leaving = True

    def end(self) -> None:
        """End the streams; from now on `seconds` are left for everything else."""
        self.leaving = True
        if not self.ending.is_set():
            self._deadline = self._clock() + self._seconds
            self.ending.set()
            for wait in self._waiting:
                wait.reschedule(0)

    def seconds_left(self) -> float:
        """Return for how long what still runs may go on: all of the time as long as nothing ends."""
        return self._seconds if self._deadline is None else max(self._deadline - self._clock(), 0.0)

    async def until_ending(self, parts: AsyncIterator[Part]) -> AsyncIterator[Part]:
        """Pass on the parts of a stream until they or the process end; a wait for the next part ends at once."""
        while not self.ending.is_set():
            try:
                async with asyncio.timeout(None) as wait:
                    self._waiting.add(wait)
                    try:
                        part = await anext(parts)
                    finally:
                        self._waiting.discard(wait)
            except StopAsyncIteration:
                return
            except TimeoutError:
                if wait.expired():
                    return
                raise
            yield part


def farewell() -> bytes:
    """Return the last line of an event stream that its process ends: no event, but when to come back.

    The moment is drawn, so that all readers of a process do not come back together.
    """
    return b": to be continued elsewhere\nretry: %d\n\n" % random.randint(_SOONEST_MS, _LATEST_MS)
