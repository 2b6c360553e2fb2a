"""Units on top of a plan: used when the window is exhausted, in order, held and settled like windows, never twice."""

import asyncio
import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from common_auth.access import AccessSnapshot
from common_auth.testing import TestIssuer
from common_service.database import Database
from common_service.ids import uuid7
from services.story_service.tests.worlds import NOON, OTHER, READER, CountedWork, World, a_plan
from story_service.application.draw_units import draw
from story_service.application.generate_story import Ask
from story_service.domain import errors
from story_service.domain.grants import Grant
from story_service.domain.ids import GrantId
from story_service.domain.story import Length, StoryRequest
from story_service.domain.usage import STORIES, TOKENS, GrantReading, Line, Meter, Window, charged, shared
from story_service.infrastructure.subscriptions import access_of

pytestmark = pytest.mark.anyio
DAY = Window(NOON.replace(hour=0), NOON.replace(day=22, hour=0))
WISH = Ask(READER, StoryRequest("A keeper vanishes", length=Length.SHORT))


def a_grant(amount: int, meter: str = STORIES, *, days: int = 3) -> Grant:
    return Grant(GrantId(uuid7()), meter, amount, 100, NOON - timedelta(days=1), NOON + timedelta(days=days))


async def burnt(world: World, meter: str = STORIES) -> list[tuple[int, int]]:
    report = await world.use.usage(READER)
    return [(one.now.reserved, one.now.settled) for r in report.meters if r.meter == meter for one in r.grants]


async def is_sound(world: World) -> bool:
    return (await world.use.ledger.verify(READER)).is_sound


@given(st.integers(1, 60), st.integers(-5, 40), st.lists(st.tuples(st.integers(1, 20), st.integers(0, 25)), max_size=4))
def test_a_need_is_shared_whole_or_not_at_all(need: int, room: int, given_units: list[tuple[int, int]]) -> None:
    grants = [GrantReading(a_grant(amount), Meter(0, used)) for amount, used in given_units]
    free = max(0, room) + sum(reading.free for reading in grants)
    parts = shared(Line(STORIES, DAY, need), room, grants)
    if need > free:
        assert parts is None
        return
    assert parts is not None
    assert sum(part.reserved for part in parts) == need
    assert all(part.reserved > 0 for part in parts)
    for part in parts[:-1]:  # what comes first is used up first
        left = {reading.grant.id: reading.free for reading in grants}
        assert part.reserved == (left[part.grant.id] if part.grant else max(0, room))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(0, 60))
def test_what_was_taken_last_is_given_back_first(amounts: list[int], charge: int) -> None:
    lines = charged([Line(TOKENS, DAY, amount) for amount in amounts], {TOKENS: charge})
    assert sum(line.settled or 0 for line in lines) == min(charge, sum(amounts))
    partly = [line for line in lines if line.settled != line.reserved]
    assert all(line.settled == 0 for line in partly[1:])
    assert [line.settled for line in charged(lines, {})] == [0] * len(lines)


def test_payment_s_grants_are_read_in_its_order_and_survive_the_shared_cache() -> None:
    told = {"meter": STORIES, "amount": 2, "priority": 5, "effective_at": "2026-11-20T09:00:00Z"}
    late, soon = ({**told, "id": str(uuid7()), "expires_at": f"2026-12-0{day}T09:00:00Z"} for day in (2, 1))
    document = {
        "user_id": str(READER),
        "version": 1,
        "state": "active",
        "entitled": True,
        "plan": {"code": "pro"},
        "period": None,
        "features": {},
        "next_change_at": None,
        "ttl_seconds": 30,
        "grants": [soon, late, {"id": "no grant"}],
    }
    access = access_of(AccessSnapshot.of(AccessSnapshot.of(document).document()))
    assert [str(grant.id) for grant in access.grants_of(STORIES, NOON)] == [soon["id"], late["id"]]
    assert access.grants_of(TOKENS, NOON) == ()
    with pytest.raises(TypeError):
        AccessSnapshot.of({**document, "grants": ["none"]})


async def test_grants_burn_in_their_order_once_the_window_is_full(world: World) -> None:
    first, second = a_grant(1), a_grant(2)
    world.subscriptions.plan = replace(a_plan(stories=1), grants=(first, second))
    seen = []
    for number in range(4):
        generation = await world.ended(await world.ask(f"key-{number}"))
        seen.append((generation.quote.meters[STORIES].remaining_after, await burnt(world)))
    assert seen == [
        (3, [(0, 0), (0, 0)]),
        (2, [(0, 1), (0, 0)]),
        (1, [(0, 1), (0, 1)]),
        (0, [(0, 1), (0, 2)]),
    ]
    with pytest.raises(errors.QuotaExceeded) as refusal:
        await world.ask("one too many")
    assert (refusal.value.limit, refusal.value.used) == (1, 1)
    async with world.start_work() as work:
        entries = await work.usage.entries(READER)
    drawn = [e.posting.grant_id for e in entries if (e.posting.meter, e.posting.kind) == (STORIES, "settle")]
    assert drawn == [None, first.id, second.id, second.id]
    assert await is_sound(world)


async def test_tokens_are_shared_and_what_is_given_back_is_the_grant_s(world: World) -> None:
    price = (await world.use.quote(WISH.call, world.use.generate.commission(WISH))).terms.price
    world.subscriptions.plan = replace(a_plan(tokens=500), grants=(a_grant(price, TOKENS),))
    generation = await world.ended(await world.ask())
    assert (generation.price, generation.quote.meters[TOKENS].remaining_after) == (460, 500)
    assert (await world.settled())[TOKENS] == 460
    assert await burnt(world, TOKENS) == [(0, 0)]
    done = (await world.log(generation))[-1]
    assert json.loads(done.data)["remaining"][TOKENS] == 40 + price
    await world.ended(await world.ask("second"))
    assert (await world.use.usage(READER)).meters[-1].now.settled == 500
    assert await burnt(world, TOKENS) == [(0, 420)]
    assert await is_sound(world)


async def test_what_failed_or_was_cut_off_gives_a_grant_back(world: World) -> None:
    world.subscriptions.plan = replace(a_plan(stories=0), grants=(a_grant(1),))
    for number in range(2):
        world.writer.scripts = [[errors.WriterFailed("provider_broke")]]
        failed = await world.ended(await world.ask(f"key-{number}"))
        assert (failed.state, await burnt(world)) == ("failed", [(0, 0)])
    world.writer.scripts = [[asyncio.Event()]]
    held = await world.ask("dies")
    await world.until_called()
    await world.kill(held)
    assert await burnt(world) == [(1, 0)]
    for _ in range(3):
        world.clock.now += timedelta(minutes=3)
        await world.sweep()
        await world.engine.runs.drain(0)
    assert not (await world.generation(held.id)).is_open
    assert await burnt(world) == [(0, 0)]
    assert await is_sound(world)


async def test_a_quote_counts_grants(world: World) -> None:
    world.subscriptions.plan = replace(a_plan(stories=0), grants=(a_grant(2),))
    quotation = await world.use.quote(WISH.call, world.use.generate.commission(WISH))
    assert (quotation.refusal, quotation.terms.meters[STORIES].remaining_after) == (None, 1)
    world.subscriptions.plan = a_plan(stories=0)
    refusal = (await world.use.quote(WISH.call, world.use.generate.commission(WISH))).refusal
    assert isinstance(refusal, errors.QuotaExceeded)


async def test_a_grant_counts_in_its_time_only(world: World) -> None:
    late = replace(a_grant(1), effective_at=NOON + timedelta(hours=1))
    world.subscriptions.plan = replace(a_plan(stories=0), grants=(late, a_grant(1, "chats.day")))
    with pytest.raises(errors.QuotaExceeded):
        await world.ask()
    world.clock.now = late.effective_at
    assert (await world.ended(await world.ask())).state == "succeeded"
    world.clock.now = late.expires_at
    with pytest.raises(errors.QuotaExceeded):
        await world.ask("again")


async def test_requests_in_parallel_burn_no_grant_twice(database: Database) -> None:
    world = World(lambda: CountedWork(database))
    world.subscriptions.plan = replace(a_plan(stories=1), grants=(a_grant(1), a_grant(2)))
    asked = await asyncio.gather(*(world.ask(f"key-{n}") for n in range(12)), return_exceptions=True)
    accepted = [one for one in asked if not isinstance(one, BaseException)]
    assert len(accepted) == 4
    assert all(isinstance(one, errors.QuotaExceeded) for one in asked if isinstance(one, BaseException))
    for generation in accepted:
        await world.ended(generation)
    assert (await burnt(world), await is_sound(world)) == ([(0, 1), (0, 2)], True)


async def test_a_grant_is_its_reader_s_and_the_database_holds_its_bound(database: Database) -> None:
    grant = a_grant(2)
    part = Line(STORIES, Window(grant.effective_at, grant.expires_at), 1, grant=grant)
    async with CountedWork(database) as work:
        assert await work.usage.reserve(READER, replace(part, reserved=3), None) is None
        assert await work.usage.reserve(READER, part, None) == Meter(1, 0)
        assert await work.usage.reserve(OTHER, part, None) is None
        drawn = await draw(work.usage, READER, Line(STORIES, DAY, 1), replace(a_plan(stories=0), grants=(grant,)), NOON)
        assert drawn.remaining == 0
        with pytest.raises(IntegrityError, match="burnt_once"):
            await work.session.execute(text("UPDATE story.credit_grants SET settled = 1"))


async def test_readers_see_their_grants_and_can_hash_entries_of_them(
    world: World, app: FastAPI, issuer: TestIssuer
) -> None:
    grant = a_grant(2)
    world.subscriptions.plan = replace(a_plan(stories=0), grants=(grant,))
    await world.ended(await world.ask())
    own = {"Authorization": f"Bearer {issuer.reader(READER)}"}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://story", headers=own) as http:
        meters = (await http.get("/story/v1/usage")).json()["meters"]
        entries = (await http.get("/story/v1/usage/ledger")).json()["items"]
    [shown] = meters[STORIES]["grants"]
    assert (shown["id"], shown["amount"], shown["settled"], shown["remaining"]) == (str(grant.id), 2, 1, 1)
    assert (meters[STORIES]["remaining"], meters[TOKENS]["grants"]) == (0, [])
    names = ("seq", "meter", "kind", "amount", "reserved_after", "settled_after", "reservation_id")
    for entry in entries:
        at = entry["occurred_at"].replace("Z", ".000000+00:00")
        said = [str(READER), *(entry[name] for name in names), at]
        said += [entry["grant_id"]] if entry["grant_id"] else []
        digest = hashlib.sha256(bytes.fromhex(entry["prev_hash"]) + json.dumps(said, separators=(",", ":")).encode())
        assert digest.hexdigest() == entry["hash"]
    assert [UUID(e["grant_id"]) for e in entries if e["grant_id"]] == [grant.id, grant.id]
