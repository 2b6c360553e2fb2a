"""From payment to access, as story_service sees it: on the platform that runs here, or on one that is started for it.

Readers pay on Stripe's page one after the other. The clock runs from the page's answer until story_service counts by
the plan that was bought. Every second reader was refused a story just before, and then asks for it again.
"""

import asyncio
import os
import time
from argparse import ArgumentParser
from pathlib import Path
from statistics import median, quantiles
from uuid import uuid4

import uvloop

from bench.measuring import Figure, Seconds, show
from sandbox.demo.forms import expect
from sandbox.demo.haste import in_haste
from sandbox.demo.journey import STORY, Journey
from sandbox.demo.paying import open_checkout, pay
from sandbox.demo.platform import Platform, load_platform
from sandbox.demo.readers import new_reader
from sandbox.demo.running import running
from sandbox.demo.visitor import Visitor

_READERS = 40
_PATIENCE = 30.0
_P95_SECONDS, _REFUSED_SECONDS = 1.0, 5.0
_PAUSE = 0.02


async def measure(platform: Platform) -> list[Figure]:
    """Let all readers pay, half of them after a refusal."""
    seen: Seconds = []
    let_in: Seconds = []
    async with in_haste(platform):
        for number in range(_READERS):
            async with new_reader(platform) as reader:
                is_refused = number % 2 == 1
                paid_at = await paid(platform, reader, is_refused=is_refused)
                await until_seen(reader)
                seen.append(time.perf_counter() - paid_at)
                if is_refused:
                    key = {"Idempotency_Key": str(uuid4())}
                    expect(await reader.call("POST", "/story/v1/stories", body=STORY, **key), 202)
                    let_in.append(time.perf_counter() - paid_at)
    return [
        Figure(f"payment to access seen by story_service, {len(seen)} readers, p50", median(seen), "s"),
        Figure("the same, p95", quantiles(seen, n=20)[-1], "s", _P95_SECONDS),
        Figure(f"payment to an accepted story, {len(let_in)} of them refused just before, p50", median(let_in), "s"),
        Figure("the longest of them", max(let_in), "s", _REFUSED_SECONDS),
    ]


async def paid(platform: Platform, reader: Visitor, *, is_refused: bool) -> float:
    """Let a new reader pay; return when Stripe's page said that it is done."""
    journey = Journey(platform, reader, lambda _: None)
    await journey.sign_up()
    await journey.provision()
    page = await open_checkout(reader)
    if is_refused:
        await journey.be_refused()
    await pay(reader, page)
    return time.perf_counter()


async def until_seen(reader: Visitor) -> None:
    """Wait until story_service counts by the plan that was bought."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            usage = expect(await reader.call("GET", "/story/v1/usage"), 200).json()
            if (usage["plan"], usage["state"]) == ("pro", "active"):
                return
            await asyncio.sleep(_PAUSE)


def main() -> None:
    """Measure and print."""
    ArgumentParser(description=__doc__).parse_args()  # --help tells, and starts nothing
    file = Path(os.environ.get("RUN_DIR") or ".run") / "platform.json"
    with running(file, may_start=True), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        show("unlock", runner.run(measure(load_platform(file))))


if __name__ == "__main__":
    main()
