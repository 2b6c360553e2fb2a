"""Gives a reader the events of a generation, from any position, in any process, the same bytes every time."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

from story_service.application.kinds import Kinds
from story_service.application.live import Follower, LiveGenerations
from story_service.application.ports import Clock, StartWork
from story_service.domain.chunks import DONE, Chunk
from story_service.domain.errors import ChunksPurged, GenerationUnknown
from story_service.domain.generation import CHUNKS_KEPT, Generation
from story_service.domain.ids import GenerationId, UserId

log = logging.getLogger("story")
PING_SECONDS = 15.0
_RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class FollowGeneration:
    """Replays the log and follows it. No transaction is open while a reader waits."""

    start_work: StartWork
    live: LiveGenerations
    kinds: Kinds
    now: Clock
    ping_seconds: float = PING_SECONDS

    async def check(self, user_id: UserId, generation_id: GenerationId) -> Generation:
        """Return what may be followed. Raises GenerationUnknown, ChunksPurged: before the first byte of an answer."""
        async with self.start_work() as work:
            generation = await work.generations.find(generation_id)
        if generation is None or generation.user_id != user_id:
            raise GenerationUnknown
        if generation.finished_at and self.now() - generation.finished_at >= CHUNKS_KEPT:
            raise ChunksPurged(self.kinds[generation.kind].location(generation))
        return generation

    async def __call__(self, generation: Generation, after: int) -> AsyncIterator[Chunk | None]:
        """Yield the events behind `after` up to the last one; None where a ping is due."""
        if not generation.is_open and after >= generation.last_seq:
            return
        position = min(after, generation.last_seq)
        clock = asyncio.get_running_loop().time
        with self.live.follow(generation.id) as follower:
            ping_at = clock() + self.ping_seconds
            while True:
                for chunk in follower.next_after(position) or await self._log(generation.id, position, follower):
                    yield chunk
                    if chunk.kind == DONE:
                        return
                    position, ping_at = chunk.seq, clock() + self.ping_seconds
                wait = ping_at - clock()
                if wait <= 0:
                    yield None
                    ping_at = clock() + self.ping_seconds
                await follower.wait(position, min(max(wait, 0.0), self.live.poll_seconds(self.ping_seconds)))

    async def _log(self, generation_id: GenerationId, after: int, follower: Follower) -> list[Chunk]:
        try:
            async with self.start_work() as work:
                chunks = await work.generations.log(generation_id, after)
        except Exception as error:  # a supervising loop: an answer that has begun cannot refuse any more: look again
            known = {"generation_id": str(generation_id), "reason": type(error).__name__}
            log.warning("log not read", exc_info=not follower.is_blind, extra=known)
            follower.is_blind = True
            await asyncio.sleep(_RETRY_SECONDS)
            follower.nudge()
            return []
        follower.is_blind = False
        return chunks
