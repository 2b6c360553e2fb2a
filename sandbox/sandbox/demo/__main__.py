"""`python -m sandbox.demo`: the product's main job against the running platform, or against one started for it."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import httpx2
import typer

from sandbox.demo.errors import StepFailed
from sandbox.demo.forms import expect
from sandbox.demo.journey import Journey
from sandbox.demo.platform import Platform, load_platform
from sandbox.demo.running import running
from sandbox.demo.screen import console, fail, show, tell
from sandbox.demo.visitor import Visitor

PASSWORD = "Case-File-2026"  # noqa: S105 - of a reader who exists for one demo


def main(
    platform: Annotated[Path | None, typer.Option(help="platform.json of the run to use.")] = None,
    readers: Annotated[int, typer.Option(min=1, help="How many new readers do the main job at once.")] = 1,
) -> None:
    """Sign up, be refused, pay, read a story as it is written, and be seen by an admin."""
    file = platform or Path(os.environ.get("RUN_DIR", ".run")) / "platform.json"
    try:
        with running(file, may_start=platform is None):
            world = load_platform(file)
            asyncio.run(one_reader(world) if readers == 1 else many_readers(world, readers))
    except (StepFailed, httpx2.HTTPError) as error:
        fail(str(error) or type(error).__name__)
        raise typer.Exit(1) from None


async def one_reader(platform: Platform) -> None:
    """Show the journey of one reader, step by step."""
    async with new_reader(platform) as visitor:
        journey = Journey(platform, visitor, tell)
        await show(1, "A reader signs up, confirms by mail and signs in", journey.sign_up)
        await show(2, "Her profile is made", journey.provision)
        await show(3, "A story without a subscription", journey.be_refused)
        await show(4, "She pays on Stripe's page", journey.subscribe)
        await show(5, "She reads a story as it is written", journey.read)
        await show(6, "It is kept, and counted", journey.look_again)
        await show(7, "The same request again", journey.repeat)
        async with in_haste(platform):
            await show(8, "Stories until the day's limit", journey.use_up)
        await show(9, "An admin looks at her", journey.be_seen)
    console.print("\n[bold green]The main job is done.[/bold green]")


async def many_readers(platform: Platform, count: int) -> None:
    """Do the main job with `count` new readers at once, and count what came of it."""
    started = time.perf_counter()
    journeys = await asyncio.gather(*(quiet_reader(platform) for _ in range(count)))
    stories = {journey.story.done["story_id"] for journey in journeys}
    charges = sum(1 for journey in journeys if journey.story.done["billing"] == "settled")
    seconds = time.perf_counter() - started
    console.print(
        f"{len(stories)} stories, {charges} charges, {len(journeys)} subscriptions, no error, {seconds:.1f} s"
    )


async def quiet_reader(platform: Platform) -> Journey:
    """Do the main job without a word."""
    async with new_reader(platform) as visitor:
        journey = Journey(platform, visitor, lambda _: None)
        steps = (journey.sign_up, journey.provision, journey.be_refused, journey.subscribe, journey.read)
        for step in (*steps, journey.look_again, journey.repeat):
            await step()
        return journey


def new_reader(platform: Platform) -> Visitor:
    """Return somebody whom the platform has never seen."""
    return Visitor(platform, f"reader-{uuid4().hex[:12]}@truecrime.test", PASSWORD)


@asynccontextmanager
async def in_haste(platform: Platform) -> AsyncIterator[None]:
    """Let the sandbox's engine write as fast as it can for a while; the real OpenAI writes at its own pace."""
    if platform.openai is None:
        yield
        return
    address = f"{platform.openai}/_sandbox/rate"
    async with httpx2.AsyncClient() as http:
        before = expect(await http.get(address), 200).json()
        await http.post(address, json={"tokens_per_second": 0})
        try:
            yield
        finally:
            await http.post(address, json=before)


if __name__ == "__main__":
    typer.run(main)
