"""Has a model write: takes the lease, releases windows as the policy allows, and closes by the table of 9.2."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass, replace

from story_service.application.chain_writer import ChainWriter
from story_service.application.close_generation import CloseGeneration
from story_service.application.kinds import Kinds, Output
from story_service.application.live import LiveGenerations
from story_service.application.ports import Clock, StartWork, Work
from story_service.application.release import LeaseLost, Mode, OutputBlocked, Release, ReleasePolicy
from story_service.domain import generation as endings
from story_service.domain.errors import ModerationUnavailable, WriterFailed
from story_service.domain.generation import DEADLINE, HEARTBEAT, Ending, Generation, State
from story_service.domain.ids import GenerationId
from story_service.domain.pricing import CatalogModel, Usage, estimated_usage
from story_service.domain.prompt import Prompt
from story_service.domain.tail import TailSplitter
from story_service.domain.windows import WindowCutter

log = logging.getLogger("story")
HAND_OVER = "hand over"  # the message of a cancellation after which another process shall go on at once
_CLOSING_PAUSES = (0.5, 2.0, 5.0)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was known when a generation was accepted: what its model reads, and which models may write it."""

    prompt: Prompt
    models: list[CatalogModel]


@dataclass(slots=True)
class _Run:
    """One attempt: what is written by which models, and what came of it so far."""

    generation: Generation
    prompt: Prompt | None
    models: list[CatalogModel]
    release: Release
    splitter: TailSplitter

    @property
    def output(self) -> Output:
        """What was let out, and what is not to be shown."""
        return Output(self.release.text, self.splitter.tail)


@dataclass(frozen=True, slots=True)
class RunGeneration:
    """Holds no database connection while the model writes: every window and every heartbeat is a work of its own."""

    start_work: StartWork
    writer: ChainWriter
    policy: ReleasePolicy
    close: CloseGeneration
    live: LiveGenerations
    kinds: Kinds
    owner: str
    now: Clock

    async def __call__(self, generation_id: GenerationId, prepared: Prepared | None = None) -> GenerationId | None:
        """Run it unless somebody else does, and return what waited for its end. A lost lease ends it without a trace.

        What breaks before the first word is left to the lease, for another attempt; after it, none would come.
        """
        run = await self._take(generation_id, prepared)
        if run is None:
            return None
        heart = asyncio.create_task(self._beat(run.generation, asyncio.current_task()))
        try:
            try:
                ending = await self._write(run)
            except LeaseLost:
                raise
            except Exception:  # a supervising loop: whatever broke, the reader hears of it now
                if not run.release.text:
                    raise
                log.exception("generation broke", extra={"generation_id": str(generation_id)})
                ending = endings.failed("writer_broke")
            return await self._end(run.generation, ending, run.output)
        except LeaseLost:
            return None
        except asyncio.CancelledError as cancelled:
            if HAND_OVER in cancelled.args:
                await self._give_back(run.generation)
            raise
        finally:
            heart.cancel()
            run.release.abandon()

    async def _take(self, generation_id: GenerationId, prepared: Prepared | None) -> _Run | None:
        async with self.start_work() as work:
            leasing = work.generations.lease(generation_id, self.owner, self.now())
            generation = (await work.together(leasing, work.commit()))[0] if prepared else await leasing
            if generation is None:
                return None
            kind = self.kinds[generation.kind]
            prompt, models = await self._read_up(work, generation, prepared)
            if prepared is None:
                await work.commit()
        release = Release(generation, self.policy, self.start_work, self.live, self.now, is_shown=kind.is_shown)
        return _Run(generation, prompt, models, release, TailSplitter(kind.mark))

    async def _read_up(
        self, work: Work, generation: Generation, prepared: Prepared | None
    ) -> tuple[Prompt | None, list[CatalogModel]]:
        if prepared:
            return prepared.prompt, prepared.models
        prompt = await self.kinds[generation.kind].prompt(work, generation)
        named = generation.quote.models or (generation.model,)
        return prompt, await work.models.held(named, generation.created_at)

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

    async def _write(self, run: _Run) -> Ending:
        generation, release = run.generation, run.release
        if run.prompt is None:
            return endings.failed("target_gone")
        try:
            async with asyncio.timeout(DEADLINE.total_seconds()):
                usage = await self._stream(run, run.prompt)
                if self.policy.mode is not Mode.OFF:  # otherwise nothing is waited for between this and the end
                    await self._finish(generation)
                decision = await release.settle(run.splitter.tail)
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
        if fault := self.kinds[generation.kind].fault(generation, run.output):
            return endings.failed(fault)
        told = usage if usage and usage.completion_tokens else None  # words that cost no token were not counted
        whole = release.text + run.splitter.tail
        return endings.succeeded(told or estimated_usage(run.prompt.messages, whole), decision)

    async def _stream(self, run: _Run, prompt: Prompt) -> Usage | None:
        """Release what the writer writes; reading goes on while a window waits for its verdict."""
        pieces: asyncio.Queue[str | None] = asyncio.Queue()  # no longer than the output that was paid for
        reader = asyncio.create_task(self._read(run, prompt, pieces))
        reader.add_done_callback(lambda _: pieces.put_nowait(None))
        try:
            await _cut(pieces, WindowCutter(self.policy.rule), run.release, reader)
            return await reader
        finally:
            reader.cancel()
            await asyncio.wait([reader])

    async def _read(self, run: _Run, prompt: Prompt, pieces: "asyncio.Queue[str | None]") -> Usage | None:
        usage: Usage | None = None
        writing = self.writer.write(run.models, prompt, run.generation.quote.most_output_tokens)
        async with contextlib.aclosing(writing):
            async for piece in writing:
                if isinstance(piece, Usage):
                    usage = piece
                elif isinstance(piece, CatalogModel):
                    await self._note(run, piece)
                elif shown := run.splitter.add(piece):
                    pieces.put_nowait(shown)
        if rest := run.splitter.rest():
            pieces.put_nowait(rest)
        return usage

    async def _note(self, run: _Run, model: CatalogModel) -> None:
        """Have the row tell who writes, before a word is let out: whoever closes it bills by that."""
        if model.model == run.generation.model:
            return
        async with self.start_work() as work:
            if not await work.generations.written_by(run.generation, model):
                raise LeaseLost
            await work.commit()
        run.generation = replace(run.generation, model=model.model, provider=model.provider)

    async def _finish(self, generation: Generation) -> None:
        async with self.start_work() as work:
            if not await work.generations.finish(generation):
                raise LeaseLost
            await work.commit()

    async def _end(self, generation: Generation, ending: Ending, output: Output) -> GenerationId | None:
        """Close it, again if need be: closing twice is closing once, and a text that is written is not to be lost."""
        for pause in _CLOSING_PAUSES:
            try:
                return await self._close(generation, ending, output)
            except LeaseLost:
                raise
            except Exception:  # a supervising loop: the heart still beats, so the lease is ours for a while
                log.exception("generation not closed", extra={"generation_id": str(generation.id)})
                await asyncio.sleep(pause)
        return await self._close(generation, ending, output)

    async def _close(self, generation: Generation, ending: Ending, output: Output) -> GenerationId | None:
        async with self.start_work() as work:
            closed = await self.close(work, generation, ending, output)
            if closed is None:
                raise LeaseLost
            await work.commit()
        self.live.publish(generation.id, closed.chunks)
        return closed.following


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
        text, is_end = _with_what_waits(piece, pieces)
        await release(*(cutter.add(text, clock()) if text else ()))
        if is_end:
            break
    await reader
    await release(cutter.rest())


def _with_what_waits(piece: str | None, pieces: "asyncio.Queue[str | None]") -> tuple[str, bool]:
    """Return a piece with all that came while the one before was let out, and whether that is the end."""
    found = [piece]
    while found[-1] is not None and not pieces.empty():
        found.append(pieces.get_nowait())
    return "".join(part for part in found if part), found[-1] is None
