"""The access gate by the rule of api.md 6.3, against a payment service that does what the test says."""

import asyncio
import time
from datetime import timedelta

import pytest
from redis.asyncio import Redis
from starlette.responses import Response

from common_auth.access import AccessSnapshot
from common_auth.errors import AccessUnavailable
from common_auth.gate import AccessGate
from common_auth.invalidation import AccessInvalidations
from common_service.jobs import supervise
from libs.common_auth.tests.peers import USER, Payment, unavailable

pytestmark = pytest.mark.anyio


async def test_a_thousand_first_calls_for_one_person_are_one_call(gate: AccessGate, payment: Payment) -> None:
    answers = await asyncio.gather(*(gate.access(USER) for _ in range(1000)))
    assert len({id(answer) for answer in answers}) == 1
    assert payment.calls == 1
    assert answers[0].allows("story.generate")
    assert not answers[0].allows("odd")
    assert not answers[0].allows("unknown")


async def test_a_thousand_callers_also_share_a_failure(gate: AccessGate, payment: Payment) -> None:
    payment.answer = payment.down
    results = await asyncio.gather(*(gate.access(USER) for _ in range(1000)), return_exceptions=True)
    assert {type(result) for result in results} == {AccessUnavailable}
    assert payment.calls == 2


async def test_a_positive_answer_is_fresh_for_its_ttl_less_a_tenth(gate: AccessGate, payment: Payment) -> None:
    await gate.access(USER)
    payment.clock.advance(seconds=26.9)
    await gate.access(USER)
    assert payment.calls == 1
    payment.clock.advance(seconds=3.2)
    await gate.access(USER)
    assert payment.calls == 2


async def test_a_negative_answer_is_fresh_for_five_seconds(gate: AccessGate, payment: Payment) -> None:
    payment.entitled = False
    assert not (await gate.access(USER)).entitled
    payment.clock.advance(seconds=4.4)
    await gate.access(USER)
    assert payment.calls == 1
    payment.entitled, payment.version = True, 2
    payment.clock.advance(seconds=0.7)
    assert (await gate.access(USER)).entitled


async def test_nothing_is_served_past_the_next_change(gate: AccessGate, payment: Payment) -> None:
    payment.edge = payment.clock() + timedelta(seconds=10)
    await gate.access(USER)
    payment.clock.advance(seconds=9.9)
    await gate.access(USER)
    assert payment.calls == 1
    payment.clock.advance(seconds=0.1)
    payment.answer = payment.down
    await unavailable(gate)


async def test_what_did_not_change_is_not_sent_again(gate: AccessGate, payment: Payment) -> None:
    first = await gate.access(USER)
    payment.clock.advance(seconds=31)
    assert await gate.access(USER) is first
    assert payment.not_modified == 1
    payment.clock.advance(seconds=20)
    await gate.access(USER)
    assert payment.calls == 2  # a 304 made it fresh again


async def test_a_newer_version_makes_the_gate_ask_and_an_older_one_does_not(gate: AccessGate, payment: Payment) -> None:
    payment.version = 5
    await gate.access(USER)
    for version in (1, 4, 5):
        gate.invalidate(USER, version)
    await gate.access(USER)
    assert payment.calls == 1
    payment.version = 6
    gate.invalidate(USER, 6)
    assert (await gate.access(USER)).version == 6


async def test_an_older_answer_does_not_replace_a_newer_one(gate: AccessGate, payment: Payment) -> None:
    payment.version = 5
    await gate.access(USER)
    payment.version = 4
    payment.clock.advance(seconds=31)
    assert (await gate.access(USER)).version == 5


async def test_a_payment_that_stays_at_an_older_version_is_believed_in_the_end(
    gate: AccessGate, payment: Payment
) -> None:
    payment.version = 5
    await gate.access(USER)
    payment.version, payment.entitled = 4, False  # its database was restored from a backup
    payment.clock.advance(seconds=119.9)
    assert (await gate.access(USER)).entitled
    payment.clock.advance(seconds=0.1)
    assert not (await gate.access(USER)).entitled


async def test_an_older_version_is_believed_when_the_newer_one_has_passed_its_edge(
    gate: AccessGate, payment: Payment
) -> None:
    payment.version, payment.edge = 5, payment.clock() + timedelta(seconds=10)
    await gate.access(USER)
    payment.version, payment.entitled, payment.edge = 4, False, None
    payment.clock.advance(seconds=10)
    assert not (await gate.access(USER)).entitled


async def test_an_answer_from_before_a_change_is_not_kept_and_nobody_new_waits_for_it(
    gate: AccessGate, payment: Payment
) -> None:
    hold = asyncio.Event()

    async def slow() -> None:
        await hold.wait()

    payment.answer, payment.entitled = slow, False
    early = asyncio.create_task(gate.access(USER))
    await asyncio.sleep(0.02)
    payment.version, payment.entitled, payment.answer = 2, True, payment.nothing_special
    gate.invalidate(USER, 2)
    assert (await gate.access(USER)).version == 2
    hold.set()
    await early
    assert (await gate.access(USER)).version == 2
    assert payment.calls == 2


async def test_an_answer_from_before_a_change_is_not_kept_though_nobody_asked_since(
    gate: AccessGate, payment: Payment
) -> None:
    asked, hold = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        asked.set()
        await hold.wait()

    payment.answer = slow
    early = asyncio.create_task(gate.access(USER))
    await asked.wait()
    payment.version, payment.answer = 2, payment.nothing_special
    gate.invalidate(USER, 2)
    hold.set()
    assert (await early).version == 1
    assert (await gate.access(USER)).version == 2


async def test_while_payment_is_away_a_positive_answer_serves_120_seconds(gate: AccessGate, payment: Payment) -> None:
    await gate.access(USER)
    payment.answer = payment.down
    payment.clock.advance(seconds=119.9)
    assert (await gate.access(USER)).entitled
    payment.clock.advance(seconds=0.1)
    await unavailable(gate)


async def test_while_payment_is_away_a_negative_answer_does_not_serve(gate: AccessGate, payment: Payment) -> None:
    payment.entitled = False
    await gate.access(USER)
    payment.answer = payment.down
    payment.clock.advance(seconds=6)
    await unavailable(gate)


async def test_what_was_revoked_does_not_serve_while_payment_is_away(gate: AccessGate, payment: Payment) -> None:
    await gate.access(USER)
    payment.answer = payment.down
    gate.invalidate(USER, 2)
    await unavailable(gate)


async def test_a_revocation_during_a_failing_call_is_heeded(gate: AccessGate, payment: Payment) -> None:
    await gate.access(USER)
    payment.clock.advance(seconds=31)

    async def fail_later() -> Response:
        await asyncio.sleep(0.02)
        return Response(status_code=503)

    payment.answer = fail_later
    waiting = asyncio.create_task(gate.access(USER))
    await asyncio.sleep(0.01)
    gate.invalidate(USER, 2)
    with pytest.raises(AccessUnavailable):
        await waiting


async def test_a_warm_answer_waits_for_nothing(gate: AccessGate) -> None:
    await gate.access(USER)
    with pytest.raises(StopIteration) as ended:  # no turn of the loop, no task: `bench.gate` tells what is left
        gate.access(USER).send(None)
    assert ended.value.value.entitled


async def test_a_gate_in_another_process_hears_of_a_change(gate: AccessGate, payment: Payment, redis: Redis) -> None:
    await gate.access(USER)
    payment.version = 2
    stop, invalidations = asyncio.Event(), AccessInvalidations(redis)
    listening = asyncio.create_task(supervise(invalidations.listener(gate), stop))
    async with asyncio.timeout(60):
        while (await gate.access(USER)).version == 1:
            await invalidations.publish(USER, 2)
            await asyncio.sleep(0.01)
    stop.set()
    await listening


def test_a_snapshot_reads_periods_and_keeps_the_features() -> None:
    payment = Payment()
    payment.changed = {"period": {"start": "2026-11-03T00:00:00Z", "end": "2026-12-03T00:00:00Z"}}
    snapshot = AccessSnapshot.of({**payment.snapshot(str(USER)), **payment.changed})
    assert snapshot.period_end is not None
    assert snapshot.period_end.isoformat() == "2026-12-03T00:00:00+00:00"
    assert snapshot.features["odd"] == {"kind": "limit", "limit": 1}


async def test_a_warm_answer_costs_at_most_20_microseconds(gate: AccessGate) -> None:
    await gate.access(USER)
    best = 1.0
    for _ in range(5):
        started = time.process_time()
        for _ in range(1000):
            await gate.access(USER)
        best = min(best, (time.process_time() - started) / 1000)
    assert best < 20e-6
