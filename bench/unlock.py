"""From payment to access, as story_service sees it: on the platform that runs here, or on one that is started for it.

Readers pay on Stripe's page one after the other. The clock runs from the page's answer to the first request for a story
that is not 402. Every second reader was refused just before, so that the gate has to unlearn what it knows.
"""

import asyncio
import os
import time
from pathlib import Path
from statistics import median, quantiles
from uuid import uuid4

import httpx2
import uvloop

from bench.measuring import Figure, Seconds, show
from sandbox.demo.forms import expect
from sandbox.demo.haste import in_haste
from sandbox.demo.journey import STORY, Journey
from sandbox.demo.paying import open_checkout, pay
from sandbox.demo.platform import Platform, load_platform
from sandbox.demo.readers import new_reader
from sandbox.demo.running import running

_READERS = 40
_PATIENCE = 30.0
_P95_SECONDS, _REFUSED_SECONDS = 1.0, 5.0
_PAUSE = 0.02


async def measure(platform: Platform) -> list[Figure]:
    """Let all readers pay, half of them after a refusal."""
    fresh: Seconds = []
    refused: Seconds = []
    async with in_haste(platform):
        for number in range(_READERS):
            waits, is_refused = (refused, True) if number % 2 else (fresh, False)
            waits.append(await unlocked(platform, is_refused=is_refused))
    every = fresh + refused
    return [
        Figure(f"payment to access seen by story_service, {len(every)} readers, p50", median(every), "s"),
        Figure("the same, p95", quantiles(every, n=20)[-1], "s", _P95_SECONDS),
        Figure(f"the {len(refused)} of them who were refused just before, p50", median(refused), "s"),
        Figure("the longest of them", max(refused), "s", _REFUSED_SECONDS),
    ]


async def unlocked(platform: Platform, *, is_refused: bool) -> float:
    """Return how long a new reader waits for a story after the payment."""
    async with new_reader(platform) as reader:
        journey = Journey(platform, reader, lambda _: None)
        await journey.sign_up()
        await journey.provision()
        page = await open_checkout(reader)
        if is_refused:
            await journey.be_refused()
        await pay(reader, page)
        started = time.perf_counter()
        async with asyncio.timeout(_PATIENCE):
            while True:
                answer = await reader.call("POST", "/story/v1/stories", body=STORY, Idempotency_Key=str(uuid4()))
                expect(answer, 202, 402)
                if answer.status_code == httpx2.codes.ACCEPTED:
                    return time.perf_counter() - started
                await asyncio.sleep(_PAUSE)


def main() -> None:
    """Measure and print."""
    file = Path(os.environ.get("RUN_DIR") or ".run") / "platform.json"
    with running(file, may_start=True), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        show("unlock", runner.run(measure(load_platform(file))))


if __name__ == "__main__":
    main()
