"""Writes a story: takes the lease, releases windows as the policy allows, and closes by the table of 9.2."""

import asyncio
import logging
from dataclasses import dataclass

from story_service.application.close_generation import CloseGeneration
from story_service.application.live import LiveGenerations
from story_service.application.ports import Clock, StartWork, StoryWriter
from story_service.application.release import LeaseLost, OutputBlocked, Release, ReleasePolicy
from story_service.domain import generation as endings
from story_service.domain.errors import ModerationUnavailable, WriterFailed
from story_service.domain.generation import DEADLINE, HEARTBEAT, Ending, Generation, State
from story_service.domain.ids import GenerationId
from story_service.domain.pricing import Usage, estimated_usage
from story_service.domain.prompt import Message, messages
from story_service.domain.windows import WindowCutter

log = logging.getLogger("story")
HAND_OVER = "hand over"  # the message of a cancellation after which another process shall go on at once
_CLOSING_PAUSES = (0.5, 2.0, 5.0)


@dataclass(frozen=True, slots=True)
class RunGeneration:
    """Holds no database connection while the model writes: every window and every heartbeat is a work of its own."""

    start_work: StartWork
    writer: StoryWriter
    policy: ReleasePolicy
    close: CloseGeneration
    live: LiveGenerations
    owner: str
    now: Clock

    async def __call__(self, generation_id: GenerationId) -> None:
        """Run it unless somebody else does. A lost lease ends the run without a trace.

        What breaks before the first word is left to the lease, for another attempt; after it, none would come.
        """
        generation = await self._take(generation_id)
        if generation is None:
            return
        release = Release(generation, self.policy, self.start_work, self.live, self.now)
        heart = asyncio.create_task(self._beat(generation, asyncio.current_task()))
        try:
            try:
                ending = await self._write(generation, release)
            except LeaseLost:
                raise
            except Exception:  # a supervising loop: whatever broke, the reader hears of it now
                if not release.text:
                    raise
                log.exception("generation broke", extra={"generation_id": str(generation.id)})
                ending = endings.failed("writer_broke")
            await self._end(generation, ending, release.text)
        except LeaseLost:
            return
        except asyncio.CancelledError as cancelled:
            if HAND_OVER in cancelled.args:
                await self._give_back(generation)
            raise
        finally:
            heart.cancel()
            release.abandon()

    async def _take(self, generation_id: GenerationId) -> Generation | None:
        async with self.start_work() as work:
            generation = await work.generations.lease(generation_id, self.owner, self.now())
            await work.commit()
        return generation

    async def _give_back(self, generation: Generation) -> None:
        """Let another process begin at once what this one must drop, unless somebody has read of it: 9.2."""
        async with self.start_work() as work:
            known = await work.generations.find(generation.id)
            if known and known.state is State.RUNNING and endings.lost(known, self.now()) is None:
                await work.generations.requeue(generation)
                await work.commit()

    async def _beat(self, generation: Generation, runner: "asyncio.Task[None] | None") -> None:
        while True:
            await asyncio.sleep(HEARTBEAT.total_seconds())
            try:
                async with self.start_work() as work:
                    held = await work.generations.beat(generation, self.now())
                    await work.commit()
            except Exception:  # a supervising loop: the next beat may reach the database before the lease ends
                log.exception("heartbeat failed", extra={"generation_id": str(generation.id)})
                continue
            if not held and runner:
                runner.cancel()

    async def _write(self, generation: Generation, release: Release) -> Ending:
        prompt = messages(generation.request)
        try:
            async with asyncio.timeout(DEADLINE.total_seconds()):
                usage = await self._stream(generation, prompt, release)
                await self._finish(generation)
                decision = await release.settle()
        except OutputBlocked as blocked:
            return endings.blocked(blocked.decision)
        except WriterFailed as failure:
            return endings.failed(failure.code)
        except ModerationUnavailable:
            return endings.failed("moderation_unavailable")
        except TimeoutError:
            return endings.failed("deadline_exceeded")
        if not release.text.strip():
            return endings.failed("provider_empty")
        told = usage if usage and usage.completion_tokens else None  # words that cost no token were not counted
        return endings.succeeded(told or estimated_usage(prompt, release.text), decision)

    async def _stream(self, generation: Generation, prompt: tuple[Message, ...], release: Release) -> Usage | None:
        """Release what the writer writes; reading goes on while a window waits for its verdict."""
        pieces: asyncio.Queue[str | None] = asyncio.Queue()  # no longer than the output that was paid for
        reader = asyncio.create_task(self._read(generation, prompt, pieces))
        reader.add_done_callback(lambda _: pieces.put_nowait(None))
        try:
            await _cut(pieces, WindowCutter(self.policy.rule), release, reader)
            return await reader
        finally:
            reader.cancel()
            await asyncio.wait([reader])

    async def _read(
        self, generation: Generation, prompt: tuple[Message, ...], pieces: "asyncio.Queue[str | None]"
    ) -> Usage | None:
        usage: Usage | None = None
        async for piece in self.writer.write(generation.model, prompt, generation.quote.most_output_tokens):
            if isinstance(piece, Usage):
                usage = piece
            else:
                pieces.put_nowait(piece)
        return usage

    async def _finish(self, generation: Generation) -> None:
        async with self.start_work() as work:
            if not await work.generations.finish(generation):
                raise LeaseLost
            await work.commit()

    async def _end(self, generation: Generation, ending: Ending, text: str) -> None:
        """Close it, again if need be: closing twice is closing once, and a story that is written is not to be lost."""
        for pause in _CLOSING_PAUSES:
            try:
                return await self._close(generation, ending, text)
            except LeaseLost:
                raise
            except Exception:  # a supervising loop: the heart still beats, so the lease is ours for a while
                log.exception("generation not closed", extra={"generation_id": str(generation.id)})
                await asyncio.sleep(pause)
        return await self._close(generation, ending, text)

    async def _close(self, generation: Generation, ending: Ending, text: str) -> None:
        async with self.start_work() as work:
            closed = await self.close(work, generation, ending, text)
            if closed is None:
                raise LeaseLost
            await work.commit()
        self.live.publish(generation.id, closed.chunks)


async def _cut(
    pieces: "asyncio.Queue[str | None]", cutter: WindowCutter, release: Release, reader: "asyncio.Task[Usage | None]"
) -> None:
    """Release windows until the end of the pieces. What was held when the writer broke is never released."""
    clock = asyncio.get_running_loop().time
    while True:
        try:
            async with asyncio.timeout(cutter.patience(clock())):  # wait_for of 3.11 may swallow a cancellation
                piece = await pieces.get()
        except TimeoutError:
            await release(cutter.late(clock()))
            continue
        if piece is None:
            break
        for window in cutter.add(piece, clock()):
            await release(window)
    await reader
    await release(cutter.rest())
