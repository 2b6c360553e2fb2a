"""Idempotency keys on a real database: one effect for a key, whatever races, dies or comes late."""

import asyncio
from datetime import timedelta
from enum import Enum
from uuid import UUID

import pytest
from pydantic import BaseModel
from sqlalchemy import text

from common_service.database import Database
from common_service.idempotency import (
    KEEP,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    IdempotencyKeys,
    StoredAnswer,
    idempotency_table,
    pruning_of_keys,
    request_hash,
)
from common_service.jobs import supervise
from common_service.tables import schema_metadata
from common_service.testing import FixedClock

pytestmark = pytest.mark.anyio
TABLE = idempotency_table(schema_metadata("kit"))
ROUTE = "POST /kit/v1/things"
DIGEST = request_hash({"title": "a"})


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


async def call(database: Database, clock: FixedClock, key: str = "k", digest: bytes = DIGEST) -> StoredAnswer | None:
    """Do what a use case does: claim, effect, answer, all in one transaction."""
    async with database.session() as session:
        keys = IdempotencyKeys(session, TABLE)
        if stored := await keys.claim("user:1", ROUTE, key, digest, clock()):
            return stored
        await session.execute(text("INSERT INTO kit.effects (what) VALUES (:key)"), {"key": key})
        await asyncio.sleep(0.01)
        await keys.complete("user:1", ROUTE, key, 201, {"n": 1}, UUID(int=5))
        await session.commit()
    return None


async def effects(database: Database) -> int:
    async with database.session() as session:
        return int((await session.execute(text("SELECT count(*) FROM kit.effects"))).scalar_one())


async def test_the_second_call_gets_the_first_ones_answer(database: Database, clock: FixedClock) -> None:
    assert await call(database, clock) is None
    assert await call(database, clock) == StoredAnswer(201, {"n": 1}, UUID(int=5))
    assert await effects(database) == 1


async def test_of_fifty_calls_at_once_one_has_the_effect_and_all_the_same_answer(
    database: Database, clock: FixedClock
) -> None:
    answers = await asyncio.gather(*(call(database, clock) for _ in range(50)))
    assert answers.count(None) == 1
    assert answers.count(StoredAnswer(201, {"n": 1}, UUID(int=5))) == 49
    assert await effects(database) == 1


async def test_fifty_keys_at_once_do_not_disturb_one_another(database: Database, clock: FixedClock) -> None:
    assert set(await asyncio.gather(*(call(database, clock, f"k{n}") for n in range(50)))) == {None}
    assert await effects(database) == 50


async def test_another_body_under_the_key_is_refused(database: Database, clock: FixedClock) -> None:
    await call(database, clock)
    with pytest.raises(IdempotencyKeyReused):
        await call(database, clock, digest=request_hash({"title": "b"}))


async def test_principals_and_routes_have_keys_of_their_own(database: Database, clock: FixedClock) -> None:
    async with database.session() as session:
        keys = IdempotencyKeys(session, TABLE)
        for principal, route in (("user:1", "a"), ("user:2", "a"), ("user:1", "b")):
            assert await keys.claim(principal, route, "k", DIGEST, clock()) is None


async def test_a_call_that_fails_leaves_the_key_free(database: Database, clock: FixedClock) -> None:
    async with database.session() as session:
        assert await IdempotencyKeys(session, TABLE).claim("user:1", ROUTE, "k", DIGEST, clock()) is None
    assert await call(database, clock) is None


async def test_a_call_that_left_the_house_keeps_others_out_until_its_lock_ends(
    database: Database, clock: FixedClock
) -> None:
    async with database.session() as session:  # commits before it calls Stripe, and then dies
        await IdempotencyKeys(session, TABLE).claim(
            "user:1", ROUTE, "k", DIGEST, clock(), lock_for=timedelta(seconds=60)
        )
        await session.commit()
    clock.advance(seconds=59)
    with pytest.raises(IdempotencyInProgress):
        await call(database, clock)
    clock.advance(seconds=1)
    answers = await asyncio.gather(*(call(database, clock) for _ in range(20)))
    assert answers.count(None) == 1
    assert await effects(database) == 1


async def test_a_late_answer_does_not_replace_the_one_already_given(database: Database, clock: FixedClock) -> None:
    async with database.session() as slow:
        keys = IdempotencyKeys(slow, TABLE)
        await keys.claim("user:1", ROUTE, "k", DIGEST, clock())
        await slow.commit()
        clock.advance(seconds=61)
        await call(database, clock)
        await keys.complete("user:1", ROUTE, "k", 500, {"late": True})
        await slow.commit()
    assert await call(database, clock) == StoredAnswer(201, {"n": 1}, UUID(int=5))


async def test_a_key_is_free_again_after_its_day(database: Database, clock: FixedClock) -> None:
    await call(database, clock)
    clock.now += KEEP - timedelta(seconds=1)
    assert await call(database, clock) is not None
    clock.advance(seconds=1)
    assert await call(database, clock, digest=request_hash("something else")) is None


async def test_pruning_removes_lapsed_keys_and_no_others(database: Database, clock: FixedClock) -> None:
    for n in range(3):
        await call(database, clock, f"old{n}")
    clock.now += KEEP
    await call(database, clock, "new")
    stop = asyncio.Event()
    job = asyncio.create_task(supervise(pruning_of_keys(database, TABLE, clock), stop))
    await asyncio.sleep(0.3)
    stop.set()
    await job
    async with database.session() as session:
        assert (await session.execute(text("SELECT key FROM kit.idempotency_keys"))).scalars().all() == ["new"]
    assert await call(database, clock, "new") is not None


class Colour(Enum):
    RED = "red"


class Body(BaseModel):
    title: str = "a"
    n: int = 1


def test_bodies_that_mean_the_same_have_one_digest() -> None:
    assert request_hash({"a": 1, "b": [1, 2]}) == request_hash({"b": [1, 2], "a": 1})
    assert request_hash(Body()) == request_hash({"title": "a", "n": 1})
    assert request_hash({"x": {"b", "a", "c"}}) == request_hash({"x": {"c", "a", "b"}})
    assert request_hash({"x": Colour.RED, "id": UUID(int=1)}) == request_hash({"x": "red", "id": str(UUID(int=1))})


def test_bodies_that_differ_have_two() -> None:
    bodies = [{"a": 1}, {"a": "1"}, {"a": None}, {}, None, [], "", {"a": [1, 2]}, {"a": [2, 1]}, Body(n=2)]
    assert len({request_hash(body) for body in bodies}) == len(bodies)
