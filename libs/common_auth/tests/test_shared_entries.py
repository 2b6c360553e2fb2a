"""What stands in Redis about somebody: nothing else, believed no further than payment would be."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from redis.asyncio import Redis

from common_auth.access import AccessSnapshot
from common_auth.invalidation import AccessInvalidations
from common_auth.kept_access import KeptAccess
from common_auth.shared_access import SharedAccess
from libs.common_auth.tests.peers import LONG, USER, Payment, Process, kept

pytestmark = pytest.mark.anyio


def test_hearsay_without_time_to_live_is_stale_at_once() -> None:
    payment = Payment()
    payment.ttl = -1e300
    assert kept(payment).as_hearsay(payment.clock()).fresh_until <= payment.clock()


ODD: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no JSON": lambda _: b"{",
    "null": lambda _: None,
    "a list": lambda _: [],
    "nothing": lambda _: {},
    "somebody else's": lambda found: found | {"access": found["access"] | {"user_id": str(uuid4())}},
    "a feature that is none": lambda found: found | {"access": found["access"] | {"features": {"a": True}}},
    "a period that is none": lambda found: found | {"access": found["access"] | {"period": "soon"}},
    "no version": lambda found: found | {"access": found["access"] | {"version": "x"}},
    "no times": lambda found: found | {"fresh_until": None},
    "times without a zone": lambda found: found | {"fetched_at": "2026-11-28T09:00:00"},
}


@pytest.mark.parametrize("entitled", [True, False])
async def test_what_somebody_wrote_into_redis_ends_as_if_payment_had_said_it(
    process: Process, payment: Payment, redis: Redis, *, entitled: bool
) -> None:
    forger, clock = Payment(), payment.clock
    forger.entitled, payment.entitled = entitled, not entitled
    far = (clock() + timedelta(days=365)).isoformat()
    forged = orjson.loads(kept(forger).to_json()) | {"fetched_at": far, "fresh_until": far, "etag": '"1"'}
    entry: dict[Any, Any] = {"kept": orjson.dumps(forged), "fresh_until": clock().timestamp() + 1e9, "version": 1}
    await awaited(redis.hset(f"access:{{{USER}}}", mapping=entry))
    gate = process()
    assert (await gate.access(USER)).entitled is entitled
    clock.advance(seconds=30 if entitled else 5)
    await redis.flushall()
    assert (await gate.access(USER)).entitled is not entitled
    assert (payment.calls, payment.not_modified) == (1, 0)


async def test_a_clock_that_is_ahead_elsewhere_prolongs_nothing(payment: Payment, redis: Redis) -> None:
    shared, here = SharedAccess(redis, patience_seconds=LONG), payment.clock()
    payment.clock.advance(seconds=3600)
    await shared.store(kept(payment), payment.clock())
    found = (await shared.look(USER, here, 1)).kept
    assert found is not None
    assert found.fresh_until <= here + timedelta(seconds=30)
    assert found.stale_until <= here + timedelta(seconds=120)


@pytest.mark.parametrize("name", ODD)
async def test_what_makes_no_sense_is_not_believed(process: Process, payment: Payment, redis: Redis, name: str) -> None:
    payment.entitled = False
    odd = ODD[name](orjson.loads(KeptAccess.to_json(kept(Payment()))))
    raw = odd if isinstance(odd, bytes) else orjson.dumps(odd)
    far = payment.clock().timestamp() + 1000
    await awaited(redis.hset(f"access:{{{USER}}}", mapping={"kept": raw, "fresh_until": far, "version": 1}))
    assert not (await process().access(USER)).entitled
    assert payment.calls == 1


async def test_redis_holds_the_snapshot_for_minutes_and_nothing_else(
    process: Process, payment: Payment, redis: Redis
) -> None:
    await process().access(USER)
    (key,) = await redis.keys()
    fields = await awaited(redis.hgetall(key))
    assert set(fields) == {b"version", b"fresh_until", b"kept"}
    document = orjson.loads(fields[b"kept"])
    assert set(document) == {"access", "fetched_at", "fresh_until"}
    assert set(document["access"]) <= set(payment.snapshot(str(USER)))
    assert 0 < await redis.pttl(key) <= 120_000
    await AccessInvalidations(redis).publish(USER, 9)
    assert 0 < await redis.pttl(key) <= 120_000


def test_a_kept_answer_survives_the_way() -> None:
    payment = Payment()
    payment.changed = {"period": {"start": "2026-11-03T00:00:00Z", "end": "2026-12-03T00:00:00Z"}}
    payment.edge = payment.clock() + timedelta(days=1)
    snapshot = AccessSnapshot.of({**payment.snapshot(str(USER)), **payment.changed, "action": {"type": "checkout"}})
    answer = KeptAccess.of(snapshot, "", payment.clock())
    assert KeptAccess.from_json(answer.to_json()) == answer


async def awaited(result: Awaitable[Any] | Any) -> Any:
    """Wait for what redis types as either."""
    return await result
