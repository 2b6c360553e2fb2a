"""What the gate makes of a payment service that fails, refuses, or says what makes no sense."""

import asyncio
import time
from typing import Any
from uuid import uuid4

import pytest
from starlette.responses import Response

from common_auth.access_client import TIMEOUT_SECONDS
from common_auth.gate import AccessGate
from common_service.breaker import CircuitBreaker
from libs.common_auth.tests.peers import USER, Payment, unavailable

pytestmark = pytest.mark.anyio


async def test_one_failure_is_repeated_once(gate: AccessGate, payment: Payment) -> None:
    async def fail_first() -> Response | None:
        return Response(status_code=500) if payment.calls == 1 else None

    payment.answer = fail_first
    assert (await gate.access(USER)).entitled
    assert payment.calls == 2


async def test_a_payment_that_never_answers_is_given_up_after_twice_300_ms(payment: Payment) -> None:
    never = asyncio.Event()

    async def hang() -> None:
        await never.wait()

    payment.answer = hang
    async with payment.http() as http:
        gate = payment.gate(http, timeout_seconds=TIMEOUT_SECONDS)
        started = time.monotonic()
        await unavailable(gate)
        assert 0.6 <= time.monotonic() - started < 1.0
    assert payment.calls == 2
    never.set()


async def test_a_refused_token_is_replaced_once(gate: AccessGate, payment: Payment) -> None:
    await gate.access(USER)
    payment.good_tokens = {"token-2"}
    payment.clock.advance(seconds=60)
    assert (await gate.access(USER)).entitled
    assert (payment.calls, payment.grants) == (3, 2)


@pytest.mark.parametrize("status", [400, 403, 404, 418, 429, 301])
async def test_a_refusal_by_payment_is_unavailable_and_not_repeated(
    gate: AccessGate, payment: Payment, status: int
) -> None:
    async def refuse() -> Response:
        return Response(status_code=status, headers={"Location": "http://payment/elsewhere"})

    payment.answer = refuse
    await unavailable(gate)
    assert payment.calls == 1


ODD: list[dict[str, Any]] = [
    {"user_id": str(uuid4())},
    {"user_id": "x"},
    {"version": "x"},
    {"features": []},
    {"features": None},
    {"features": {"story.generate": True}},
    {"period": "soon"},
    {"plan": "pro"},
    {"version": float("inf")},
    {"ttl_seconds": None},
    {"ttl_seconds": "soon"},
    {"next_change_at": "tomorrow"},
    {"next_change_at": "2026-11-28T09:00:00"},
    {"period": {"start": 1, "end": 2}},
]


@pytest.mark.parametrize("changed", ODD, ids=range(len(ODD)))
async def test_an_answer_that_makes_no_sense_grants_nothing(
    gate: AccessGate, payment: Payment, changed: dict[str, Any]
) -> None:
    payment.changed = changed
    await unavailable(gate)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"7", b"<html>", b"{}", b"\xff"])
async def test_an_answer_that_is_no_snapshot_grants_nothing(gate: AccessGate, payment: Payment, body: bytes) -> None:
    async def odd() -> Response:
        return Response(body)

    payment.answer = odd
    await unavailable(gate)


@pytest.mark.parametrize("entitled", ["true", 1, "yes", [1], None])
async def test_only_true_is_entitled(gate: AccessGate, payment: Payment, entitled: object) -> None:
    payment.changed = {"entitled": entitled, "plan": None}
    snapshot = await gate.access(USER)
    assert (snapshot.entitled, snapshot.plan_code) == (False, "")


async def test_a_ttl_without_end_ends(gate: AccessGate, payment: Payment) -> None:
    payment.changed, payment.good_tokens = {"ttl_seconds": 1e300}, {"token-1", "token-2"}
    await gate.access(USER)
    payment.clock.advance(hours=1)
    await gate.access(USER)
    assert payment.calls == 2


@pytest.mark.parametrize("ttl", [-1e300, -1, float("nan")])
async def test_a_ttl_that_is_over_before_it_begins_keeps_nothing(
    gate: AccessGate, payment: Payment, ttl: float
) -> None:
    payment.changed = {"ttl_seconds": ttl}
    for _ in range(2):
        assert (await gate.access(USER)).entitled
    assert payment.calls == 2


async def test_a_failing_payment_is_left_alone_and_found_again() -> None:
    payment, seconds = Payment(), [0.0]
    breaker = CircuitBreaker(lambda: seconds[-1])
    async with payment.http() as http:
        gate = payment.gate(http, breaker=breaker)
        payment.answer = payment.down
        for _ in range(30):
            await unavailable(gate, uuid4())
        assert payment.calls == 20
        for later in (4.9, 5.0, 5.1, 9.9, 10.0):
            seconds.append(later)
            await unavailable(gate, uuid4())
        assert payment.calls == 22
        payment.answer = payment.nothing_special
        seconds.append(15.0)
        for _ in range(3):
            assert (await gate.access(uuid4())).entitled
    assert payment.calls == 25
