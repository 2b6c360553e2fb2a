"""Followers of generations in this process: what is committed here reaches them at once, the rest wakes them."""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from story_service.domain.chunks import Chunk
from story_service.domain.ids import GenerationId

_MOST_HELD = 64
_POLL_SECONDS = 0.2


class Follower:
    """One reader of one generation. A slow one holds at most 64 chunks here and reads the rest from the log."""

    def __init__(self) -> None:
        self._held: deque[Chunk] = deque(maxlen=_MOST_HELD)
        self._woken = asyncio.Event()
        self._known = 0
        self.is_blind = False  # whether its last look into the log failed

    def offer(self, chunks: Sequence[Chunk]) -> None:
        """Hand over what was committed."""
        self._held.extend(chunks)
        self.wake(chunks[-1].seq)

    def wake(self, seq: int) -> None:
        """Tell that the log has grown to `seq` at least."""
        if seq > self._known:
            self._known = seq
            self._woken.set()

    def nudge(self) -> None:
        """Make it look into the log, whatever is known."""
        self._woken.set()

    def next_after(self, position: int) -> list[Chunk]:
        """Return held chunks that follow `position` without a gap."""
        while self._held and self._held[0].seq <= position:
            self._held.popleft()
        if not self._held or self._held[0].seq != position + 1:
            return []
        held = list(self._held)
        self._held.clear()
        return held

    async def wait(self, position: int, seconds: float) -> None:
        """Return when there may be more than `position`, or after a while."""
        if self._known <= position:
            try:
                async with asyncio.timeout(seconds):
                    await self._woken.wait()
            except TimeoutError:
                return
        self._woken.clear()


class LiveGenerations:
    """Who follows what in this process."""

    def __init__(self) -> None:
        self._followers: dict[GenerationId, set[Follower]] = {}
        self.hears_others = False  # whether commits of other processes wake followers here

    @contextmanager
    def follow(self, generation_id: GenerationId) -> Iterator[Follower]:
        """Register a follower. Do it before reading the log, so that nothing falls between."""
        follower = Follower()
        self._followers.setdefault(generation_id, set()).add(follower)
        try:
            yield follower
        finally:
            remaining = self._followers[generation_id]
            remaining.discard(follower)
            if not remaining:
                del self._followers[generation_id]

    def publish(self, generation_id: GenerationId, chunks: Sequence[Chunk]) -> None:
        """Hand committed chunks to the followers here."""
        if chunks:
            for follower in self._followers.get(generation_id, ()):
                follower.offer(chunks)

    def wake(self, generation_id: GenerationId, seq: int) -> None:
        """Note that some process committed `seq`."""
        for follower in self._followers.get(generation_id, ()):
            follower.wake(seq)

    def wake_all(self) -> None:
        """Make every follower look for itself, once."""
        for followers in self._followers.values():
            for follower in followers:
                follower.nudge()

    def poll_seconds(self, idle: float) -> float:
        """Return how long a follower may trust to be woken."""
        return idle if self.hears_others else _POLL_SECONDS
