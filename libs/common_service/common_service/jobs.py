"""Background work of a worker process: loops that outlive their failures and stop when asked."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from common_service.tracing import attempt, found_work

log = structlog.get_logger("jobs")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_RAN_WELL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Job:
    """A named piece of background work: `run(stop)` goes on until `stop` is set."""

    name: str
    run: Callable[[asyncio.Event], Awaitable[None]]


def periodic(name: str, step: Callable[[], Awaitable[object]], *, seconds: float) -> Job:
    """Return the job that does `step` every `seconds`, and at once again while `step` returns something true."""

    async def run(stop: asyncio.Event) -> None:
        while not stop.is_set():
            if not await _traced(name, step):
                await pause(stop, seconds)

    return Job(name, run)


async def _traced(name: str, step: Callable[[], Awaitable[object]]) -> object:
    """Do a step that is a trace of its own where it did something or failed: most look and find nothing.

    It did something if it says so, changed a row, or called somebody.
    """
    with attempt(f"job {name}"):
        if done := await step():
            found_work()
    return done


async def supervise(job: Job, stop: asyncio.Event, *, longest_pause: float = _LONGEST_PAUSE) -> None:
    """Run a job until `stop`; one that fails or ends early starts again after a pause of 0.2 s, growing to 5 s.

    While it goes on failing in the same way, the log says so without the trace. `longest_pause` in seconds is for
    tests, whose outages are shorter.
    """
    first_pause = min(_FIRST_PAUSE, longest_pause)
    wait, seen = first_pause, ""
    while not stop.is_set():
        started = asyncio.get_running_loop().time()
        try:
            await job.run(stop)
        except Exception as error:  # a supervising loop: whatever broke, the next attempt may hold
            ran_well = asyncio.get_running_loop().time() - started > _RAN_WELL_SECONDS
            last, seen = seen, type(error).__name__
            if seen == last and not ran_well:
                log.warning("job failed again", job=job.name, reason=seen)
            else:
                log.exception("job failed", job=job.name)
        if asyncio.get_running_loop().time() - started > longest_pause:
            wait = first_pause
        await pause(stop, wait)
        wait = min(wait * 2, longest_pause)


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Sleep for `seconds`, or until `stop`."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):  # wait_for of 3.11 can swallow a cancellation
            await stop.wait()
