"""Background work outlives its failures and stops when told."""

import asyncio
import time

import pytest
from sqlalchemy import text
from structlog.contextvars import get_contextvars
from structlog.testing import capture_logs

from common_service.database import Database
from common_service.jobs import Job, periodic, supervise
from common_service.statements import Compiled, row
from common_service.tracing import outgoing_headers
from libs.common_service.tests.collectors import LONG, otlp_collector, traced

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


async def test_steps_with_work_and_steps_that_fail_are_traces_and_idle_ones_are_none() -> None:
    stop = asyncio.Event()

    async def step() -> bool:
        found = left.pop(0)
        if not left:
            stop.set()
        if found is None:
            raise LookupError("words")
        return found

    async with otlp_collector() as collector:
        with traced(**collector.settings):
            left: list[bool | None] = [False, True, False]
            await asyncio.wait_for(periodic("steps", step, seconds=0).run(stop), LONG)
            left.append(None)
            stop.clear()
            with pytest.raises(LookupError):
                await periodic("steps", step, seconds=0).run(stop)
            spans = await collector.until(lambda seen: len(seen) == 2)
    assert [(span.name, span.parent_id, span.failed) for span in spans] == [
        ("job steps", "", False),
        ("job steps", "", True),
    ]
    assert b"words" not in collector.wire


async def test_cancelling_is_not_a_failure() -> None:
    async def wait(_: asyncio.Event) -> None:
        await asyncio.sleep(60)

    supervised = asyncio.create_task(supervise(Job("waits", wait), asyncio.Event()))
    await asyncio.sleep(0.01)
    supervised.cancel()
    with pytest.raises(asyncio.CancelledError):
        await supervised


async def test_a_failure_that_goes_on_is_told_with_its_trace_once() -> None:
    stop, failures = asyncio.Event(), [ValueError(), ValueError(), ValueError(), KeyError()]

    async def fail(_: asyncio.Event) -> None:
        failure = failures.pop(0)
        if not failures:
            stop.set()
        raise failure

    with capture_logs() as lines:
        await asyncio.wait_for(supervise(Job("fails", fail), stop, longest_pause=0.01), 60)
    told = [(line["event"], line["log_level"], "exc_info" in line) for line in lines]
    first, again = ("job failed", "error", True), ("job failed again", "warning", False)
    assert told == [first, again, again, first]


@pytest.mark.parametrize("is_compiled", [False, True])
async def test_what_a_step_changes_is_part_of_its_trace_and_makes_it_one(
    database_url: str, *, is_compiled: bool
) -> None:
    """A purge of less than a full batch says that there is no more, and still did something."""
    stop, statements = asyncio.Event(), ["DELETE FROM kit.effects", "INSERT INTO kit.effects (what) VALUES ('x')"]
    statements += ["SELECT count(*) FROM kit.effects", "DELETE FROM kit.effects"]

    async with otlp_collector() as collector:
        with traced(**collector.settings):
            database = Database(database_url, pool_size=1)

            async def step() -> bool:
                async with database.session() as session:
                    if is_compiled:
                        await row(session, Compiled(text(statements.pop(0))), {})
                    else:
                        await session.execute(text(statements.pop(0)))
                    await session.commit()
                if not statements:
                    stop.set()
                return False

            await asyncio.wait_for(periodic("purge", step, seconds=0).run(stop), LONG)
            spans = await collector.until(lambda seen: len(seen) == 4)
            await database.close()
    jobs = [span for span in spans if span.name == "job purge"]
    done = {span.parent_id: span.name for span in spans if span.name != "job purge"}
    assert [done[job.id] for job in jobs] == ["INSERT kit.effects", "DELETE kit.effects"]


async def test_whoever_a_step_calls_is_told_a_trace_that_is_kept() -> None:
    stop, told = asyncio.Event(), list[str]()

    async def step() -> None:
        stop.set()
        told.append(outgoing_headers()["traceparent"])
        told.append(get_contextvars()["traceparent"])

    async with otlp_collector() as collector:
        with traced(**collector.settings):
            await asyncio.wait_for(periodic("calls", step, seconds=0).run(stop), LONG)
            [span] = await collector.until(lambda seen: len(seen) == 1)
    assert told == [f"00-{span.trace_id}-{span.id}-01"] * 2
    assert "traceparent" not in get_contextvars()
