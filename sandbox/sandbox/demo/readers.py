"""New readers who do the main job: one before an audience, or many at once."""

import asyncio
import time
from uuid import uuid4

from sandbox.demo.haste import in_haste
from sandbox.demo.journey import Journey
from sandbox.demo.platform import Platform
from sandbox.demo.screen import console, show, tell
from sandbox.demo.steps import attempt
from sandbox.demo.visitor import Visitor

PASSWORD = "Case-File-2026"  # noqa: S105 - of a reader who exists for one demo
_UNLOCK_IN_A_CROWD = 20.0


async def one_reader(platform: Platform) -> None:
    """Show the journey of one reader, step by step."""
    started = time.perf_counter()
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
    console.print(f"[bold green]The main job is done[/bold green], in {time.perf_counter() - started:.1f} s.")


async def many_readers(platform: Platform, count: int) -> None:
    """Do the main job with `count` new readers at once, and count what came of it."""
    started = time.perf_counter()
    journeys = await asyncio.gather(*(quiet_reader(platform) for _ in range(count)))
    stories = {journey.story.done["story_id"] for journey in journeys}
    charges = sum(1 for journey in journeys if journey.story.done["billing"] == "settled")
    payers = {journey.user_id for journey in journeys}
    waits = sum(journey.reader.patience.waits for journey in journeys)
    counted = f"{len(stories)} stories, {charges} charges, {len(payers)} subscriptions, no error"
    asked_to_wait = f", {waits} requests sent again after 503 with Retry-After" if waits else ""
    console.print(f"{counted}{asked_to_wait}, {time.perf_counter() - started:.1f} s")


async def quiet_reader(platform: Platform) -> Journey:
    """Do the main job without a word."""
    async with new_reader(platform) as visitor:
        journey = Journey(platform, visitor, lambda _: None, unlock_seconds=_UNLOCK_IN_A_CROWD)
        steps = (journey.sign_up, journey.provision, journey.be_refused, journey.subscribe, journey.read)
        for step in (*steps, journey.look_again, journey.repeat):
            await attempt(step)
        return journey


def new_reader(platform: Platform) -> Visitor:
    """Return somebody whom the platform has never seen."""
    return Visitor(platform, f"reader-{uuid4().hex[:12]}@truecrime.test", PASSWORD)
