"""Background work outlives its failures and stops when told."""

import asyncio
import time

import pytest

from common_service.jobs import Job, periodic, supervise

pytestmark = pytest.mark.anyio


async def test_a_job_that_fails_starts_again_after_growing_pauses() -> None:
    stop, starts = asyncio.Event(), list[float]()

    async def fail(_: asyncio.Event) -> None:
        starts.append(time.monotonic())
        if len(starts) == 3:
            stop.set()
        raise ValueError("broken")

    await asyncio.wait_for(supervise(Job("fails", fail), stop), 60)
    assert starts[1] - starts[0] > 0.15
    assert starts[2] - starts[1] > 0.35


async def test_a_job_that_ends_at_once_does_not_spin() -> None:
    stop, runs = asyncio.Event(), 0

    async def end(_: asyncio.Event) -> None:
        nonlocal runs
        runs += 1

    supervised = asyncio.create_task(supervise(Job("ends", end), stop))
    await asyncio.sleep(0.3)
    stop.set()
    await asyncio.wait_for(supervised, 1)
    assert 1 <= runs <= 3


async def test_a_periodic_job_goes_on_at_once_while_there_is_work_and_stops_from_its_pause() -> None:
    stop, left = asyncio.Event(), [True, True, False]
    done = list[float]()

    async def step() -> bool:
        done.append(time.monotonic())
        if len(left) == 1:
            asyncio.get_running_loop().call_later(0.05, stop.set)
        return left.pop(0)

    await asyncio.wait_for(periodic("steps", step, seconds=60).run(stop), 1)
    assert len(done) == 3


async def test_cancelling_is_not_a_failure() -> None:
    async def wait(_: asyncio.Event) -> None:
        await asyncio.sleep(60)

    supervised = asyncio.create_task(supervise(Job("waits", wait), asyncio.Event()))
    await asyncio.sleep(0.01)
    supervised.cancel()
    with pytest.raises(asyncio.CancelledError):
        await supervised
