"""The smaller adapters: payment's snapshot, wake-ups between processes, payment's facts."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from common_auth.access import AccessSnapshot
from common_events.envelope import Envelope
from common_service.database import Database
from common_service.ids import uuid7
from common_service.testing import eventually
from services.story_service.tests.worlds import NOON, STORY_TEXT, CountedWork, World, a_generation, in_pieces
from story_service.application.follow_generation import FollowGeneration
from story_service.application.live import LiveGenerations
from story_service.domain.access import Limit
from story_service.domain.errors import SubscriptionRequired
from story_service.infrastructure.access_events import forgetting
from story_service.infrastructure.notifications import listening
from story_service.infrastructure.subscriptions import access_of

pytestmark = pytest.mark.anyio


def a_snapshot(**features: dict[str, Any]) -> AccessSnapshot:
    return AccessSnapshot.of(
        {
            "user_id": str(uuid4()),
            "version": 7,
            "state": "grace",
            "entitled": True,
            "plan": {"code": "pro", "rank": 1},
            "period": {"start": "2026-11-03T00:00:00Z", "end": "2026-12-03T00:00:00Z"},
            "features": features,
            "reason": None,
            "next_change_at": None,
            "ttl_seconds": 30,
        }
    )


async def test_a_snapshot_is_said_in_our_words() -> None:
    features: dict[str, dict[str, Any]] = {
        "story.generate": {"kind": "flag", "value": True},
        "chat.access": {"kind": "flag", "value": False},
        "stories.day": {"kind": "limit", "limit": 10, "window": "day"},
        "chats.day": {"kind": "limit", "unlimited": True, "window": "day"},
        "models.tier": {"kind": "config", "value": "premium"},
    }
    access = access_of(a_snapshot(**features), ("pro",))
    assert (access.version, access.entitled, access.plan, access.state) == (7, True, "pro", "grace")
    assert access.flags == {"story.generate"}
    assert access.limits == {"stories.day": Limit(10, "day"), "chats.day": Limit(None, "day")}
    assert access.period == (datetime(2026, 11, 3, tzinfo=UTC), datetime(2026, 12, 3, tzinfo=UTC))
    assert access.tier == "premium"
    assert access.limit("tokens.month").amount == 0


def test_what_the_plan_that_costs_nothing_allows_is_open_without_a_subscription() -> None:
    features: dict[str, dict[str, Any]] = {
        "chat.access": {"kind": "flag", "value": True},
        "story.generate": {"kind": "flag", "value": False},
    }
    access = access_of(replace(a_snapshot(**features), state="none", entitled=False, plan_code="free"), ("pro",))
    access.demand("chat.access")
    with pytest.raises(SubscriptionRequired):
        access.demand("story.generate")


@pytest.fixture
async def elsewhere(database_url: str) -> AsyncIterator[LiveGenerations]:
    """Be another process that hears."""
    live, stop = LiveGenerations(), asyncio.Event()
    job = asyncio.ensure_future(listening(database_url, live).run(stop))
    await eventually(lambda: live.hears_others)
    yield live
    stop.set()
    await job


async def test_commits_of_one_process_wake_the_followers_of_another(
    database: Database, elsewhere: LiveGenerations
) -> None:
    world = World(lambda: CountedWork(database))
    gate = asyncio.Event()
    world.writer.scripts = [[gate, *in_pieces(STORY_TEXT)]]
    generation = await world.ask()
    follow = FollowGeneration(world.start_work, elsewhere, world.engine.kinds, world.clock, ping_seconds=60)
    reading = asyncio.ensure_future(anext(aiter(follow(generation, 1))))
    await asyncio.sleep(0.1)
    gate.set()
    async with asyncio.timeout(60):
        chunk = await reading
    assert chunk is not None
    assert chunk.text == "The Last Ferry\n\n"
    await world.ended(generation)


async def test_when_hearing_ends_followers_look_for_themselves(database_url: str) -> None:
    live, stop = LiveGenerations(), asyncio.Event()
    with live.follow(a_generation().id) as follower:
        job = asyncio.ensure_future(listening(database_url, live).run(stop))
        stop.set()
        async with asyncio.timeout(60):
            await follower.wait(0, 60)
            await job
    assert not live.hears_others


async def test_a_change_of_access_reaches_every_gate() -> None:
    told: list[tuple[Any, int]] = []

    class Told:
        async def publish(self, user_id: Any, version: int) -> None:
            told.append((user_id, version))

    user_id = uuid7()
    envelope = Envelope(
        uuid7(), "access.changed", "payment", 1, user_id, NOON, str(user_id), 4, None, None, None,
        {"user_id": str(user_id), "version": 4, "state": "active"},
    )  # fmt: skip
    await forgetting(Told()).effect(envelope)
    assert told == [(user_id, 4)]


async def test_draining_gives_back_what_nobody_has_read_of(database: Database) -> None:
    world = World(lambda: CountedWork(database))
    world.writer.scripts = [[asyncio.Event()], in_pieces(STORY_TEXT)]
    generation = await world.ask()
    await world.until_called()
    await world.engine.runs.drain(0.1)
    given = await world.generation(generation.id)
    assert (given.state, given.billing, given.attempt) == ("accepted", "reserved", 1)
    assert len(world.engine.runs) == 0
    world.engine.runs.start(generation.id)  # as the sweeper of another process does
    assert (await world.ended(generation)).state == "succeeded"


async def test_draining_leaves_what_was_read_of_to_its_lease(database: Database) -> None:
    world = World(lambda: CountedWork(database))
    world.writer.scripts = [[*in_pieces(STORY_TEXT)[:60], asyncio.Event()]]
    generation = await world.ask()
    await world.until_text(generation)
    await world.engine.runs.drain(0.1)
    left = await world.generation(generation.id)
    assert (left.state, left.billing) == ("running", "reserved")
    assert len(world.engine.runs) == 0
