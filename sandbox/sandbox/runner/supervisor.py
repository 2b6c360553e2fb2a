"""Starts child processes, waits for their readiness, notices when one dies, and stops all in reverse order."""

import asyncio
import contextlib
import os
import signal
from collections import deque
from dataclasses import dataclass, field

from sandbox.runner.printing import Printer
from sandbox.runner.probes import Probe
from sandbox.servers.child import Command
from sandbox.servers.errors import CannotStart

STOP_WITHIN = 4.0  # what is left of five seconds is for the kernel that ends what was killed
_REAPED_WITHIN = 0.9
_KEPT_LINES = 12
_LONGEST_LINE = 1024 * 1024
_BETWEEN_PROBES = 0.05


@dataclass(frozen=True, slots=True)
class Part:
    """A process of the platform. Those of a higher rank stand on those below and are stopped before them."""

    name: str
    command: Command
    rank: int
    probe: Probe
    patience: float = 90.0  # what the whole first start may take; a part that dies is noticed at once


@dataclass(eq=False, slots=True)
class Child:
    """A started process with its last words."""

    name: str
    command: Command
    rank: int
    process: asyncio.subprocess.Process
    words: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_LINES))
    pump: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        return self.process.returncode is None

    def signal(self, signum: int) -> None:
        """Signal the process; SIGKILL goes to all that it started as well (it leads a session of its own)."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if signum == signal.SIGKILL:
                os.killpg(self.process.pid, signum)
            elif self.is_running:
                self.process.send_signal(signum)

    def end(self) -> str:
        """Say how it ended."""
        code = self.process.returncode or 0
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


class Fallen(Exception):
    """A child ended that should run; the message tells which, how, and its last words."""

    def __init__(self, child: Child) -> None:
        words = "".join(f"\n    {line}" for line in child.words)
        super().__init__(f"{child.name} {child.end()}" + (f"; its last words:{words}" if words else "."))


class Supervisor:
    """Call it from the main thread only: the kernel binds a child's life to the thread that started it."""

    def __init__(self, printer: Printer) -> None:
        self._printer = printer
        self._children: list[Child] = []
        self._is_stopping = False
        self._watches: set[asyncio.Task[None]] = set()
        self.fallen: asyncio.Future[Child] = asyncio.get_running_loop().create_future()

    @property
    def pids(self) -> dict[str, int]:
        """The processes that run now."""
        return {child.name: child.process.pid for child in self._children if child.is_running}

    async def start(self, part: Part) -> None:
        """Start `part` and return when it is ready. Raises Fallen when it ends, CannotStart when it takes too long."""
        child = await self._spawn(part.name, part.command, part.rank)
        watch = asyncio.create_task(self._watch(child))
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)
        reason: str | None = "not asked yet"
        try:
            async with asyncio.timeout(part.patience):
                while child.is_running and (reason := await part.probe()) is not None:
                    await asyncio.wait([watch], timeout=_BETWEEN_PROBES)
        except TimeoutError:
            raise CannotStart(f"{part.name} is not ready after {part.patience:.0f} s: {reason}.") from None
        if not child.is_running:
            await watch
            raise Fallen(child)

    async def run(self, name: str, command: Command, words: bytes = b"", *, patience: float = 60.0) -> None:
        """Run `command` to its end with `words` as its input. Raises CannotStart with its last line when it fails."""
        child = await self._spawn(name, command, rank=0, words=words)
        try:
            async with asyncio.timeout(patience):
                await child.process.wait()
                await self._words_of(child)
        except TimeoutError:
            raise CannotStart(f"{name} takes longer than {patience:.0f} s.") from None
        finally:
            child.signal(signal.SIGKILL)
            self._children.remove(child)
        if child.process.returncode:
            raise CannotStart(f"{name}: {child.words[-1] if child.words else child.end()}")

    async def stop(self, within: float = STOP_WITHIN) -> None:
        """Stop rank after rank, from the highest; what is left when its share of the time is over is killed."""
        self._is_stopping = True
        loop = asyncio.get_running_loop()
        begin = loop.time()
        ranks = sorted({child.rank for child in self._children}, reverse=True)
        for number, rank in enumerate(ranks, start=1):
            group = [child for child in self._children if child.rank == rank]
            for child in group:
                child.signal(child.command.stop_signal)
            share = within if number == len(ranks) else within * (0.4 + 0.4 * number / len(ranks))
            await self._gone(group, begin + share - loop.time())
            for child in group:
                if child.is_running:
                    self._printer.say(f"{child.name} does not stop by itself: killed.")
                child.signal(signal.SIGKILL)
        await self._gone(self._children, _REAPED_WITHIN)

    def kill(self) -> None:
        """End everything now: the person asked twice."""
        self._is_stopping = True
        for child in self._children:
            child.signal(signal.SIGKILL)

    async def _spawn(self, name: str, command: Command, rank: int, words: bytes | None = None) -> Child:
        pipe = asyncio.subprocess.PIPE
        options = command.options() | ({} if words is None else {"stdin": pipe})
        process = await asyncio.create_subprocess_exec(
            *command.argv, stdout=pipe, stderr=asyncio.subprocess.STDOUT, limit=_LONGEST_LINE, **options
        )
        child = Child(name, command, rank, process)
        self._children.append(child)
        child.pump = asyncio.create_task(self._pump(child))
        if words is not None and process.stdin is not None:
            process.stdin.write(words)
            process.stdin.close()
        return child

    async def _pump(self, child: Child) -> None:
        output = child.process.stdout
        while output is not None:
            try:
                line = await output.readline()
            except ValueError:  # longer than any line should be: asyncio has dropped it
                continue
            if not line:
                return
            text = line.decode(errors="replace").rstrip()
            child.words.append(text)
            self._printer.line(child.name, text)

    async def _watch(self, child: Child) -> None:
        await child.process.wait()
        await self._words_of(child)
        if not self._is_stopping and not self.fallen.done():
            self.fallen.set_result(child)

    async def _words_of(self, child: Child) -> None:
        """Wait for the end of its output, which a grandchild may hold open."""
        if child.pump is not None:
            await asyncio.wait([child.pump], timeout=0.5)

    async def _gone(self, children: list[Child], patience: float) -> None:
        waits = [asyncio.create_task(child.process.wait()) for child in children if child.is_running]
        if waits:
            _done, late = await asyncio.wait(waits, timeout=max(patience, 0.05))
            for wait in late:
                wait.cancel()
