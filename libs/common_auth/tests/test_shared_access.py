"""The gate's second level over a real Redis: gates with their own memory stand for processes."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from starlette.responses import Response

from common_auth.errors import AccessUnavailable
from common_auth.invalidation import AccessInvalidations
from common_auth.shared_access import SharedAccess
from libs.common_auth.tests.peers import LONG, USER, Payment, Process, kept

pytestmark = pytest.mark.anyio


async def test_a_thousand_first_calls_in_each_of_two_processes_are_one_call(process: Process, payment: Payment) -> None:
    async def take_a_while() -> None:
        await asyncio.sleep(0.03)

    payment.answer = take_a_while
    gates = [process(), process()]
    answers = await asyncio.gather(*(gates[n % 2].access(USER) for n in range(2000)))
    assert payment.calls == 1
    assert all(answer.allows("story.generate") for answer in answers)


async def test_what_one_learned_serves_the_others_for_its_time_and_no_longer(
    process: Process, payment: Payment
) -> None:
    first, second, third = process(), process(), process()
    learned = await first.access(USER)
    payment.clock.advance(seconds=20)
    assert await second.access(USER) == learned
    payment.clock.advance(seconds=6.9)
    await second.access(USER)
    assert payment.calls == 1
    payment.clock.advance(seconds=3.2)
    assert await third.access(USER) == learned
    assert (payment.calls, payment.not_modified) == (2, 0)  # an ETag goes with what payment itself said here
    await first.access(USER)
    assert payment.calls == 2


async def test_a_negative_answer_is_shared_for_five_seconds(process: Process, payment: Payment) -> None:
    payment.entitled = False
    await process().access(USER)
    payment.clock.advance(seconds=4)
    assert not (await process().access(USER)).entitled
    payment.entitled, payment.version = True, 2
    payment.clock.advance(seconds=1)
    assert (await process().access(USER)).entitled


async def test_nothing_shared_is_served_past_the_next_change(process: Process, payment: Payment) -> None:
    payment.edge = payment.clock() + timedelta(seconds=10)
    await process().access(USER)
    payment.clock.advance(seconds=9.9)
    await process().access(USER)
    assert payment.calls == 1
    payment.clock.advance(seconds=0.1)
    payment.answer = payment.down
    with pytest.raises(AccessUnavailable):
        await process().access(USER)


async def test_a_change_reaches_what_is_shared_and_older_news_does_not(
    process: Process, payment: Payment, redis: Redis
) -> None:
    payment.version, news = 5, AccessInvalidations(redis)
    await process().access(USER)
    for version in (1, 4, 5):
        await news.publish(USER, version)
    await process().access(USER)
    assert payment.calls == 1
    payment.version = 6
    await news.publish(USER, 6)
    assert (await process().access(USER)).version == 6


async def test_an_older_version_never_replaces_a_newer_one(payment: Payment, redis: Redis) -> None:
    shared, now = SharedAccess(redis, patience_seconds=LONG), payment.clock()
    for version in (5, 4, 6, 1):
        await shared.store(kept(payment, version), now)
    found = (await shared.look(USER, now, 1)).kept
    assert found is not None
    assert found.snapshot.version == 6
    await AccessInvalidations(redis).publish(USER, 8)
    await shared.store(kept(payment, 7), now)  # asked before the change, answered after it
    assert (await shared.look(USER, now, 1)).kept is None


async def test_an_answer_from_before_a_change_is_not_shared(process: Process, payment: Payment, redis: Redis) -> None:
    asked, hold = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        asked.set()
        await hold.wait()

    payment.answer = slow
    early = asyncio.create_task(process().access(USER))
    await asked.wait()
    payment.version, payment.answer = 2, payment.nothing_special
    await AccessInvalidations(redis).publish(USER, 2)
    hold.set()
    await early
    assert (await process().access(USER)).version == 2


async def test_while_payment_is_away_a_new_process_serves_what_others_learned(
    process: Process, payment: Payment
) -> None:
    await process().access(USER)
    payment.answer = payment.down
    payment.clock.advance(seconds=119.9)
    assert (await process().access(USER)).entitled
    payment.clock.advance(seconds=0.1)
    with pytest.raises(AccessUnavailable):
        await process().access(USER)


@pytest.mark.parametrize("revoked", [True, False])
async def test_while_payment_is_away_no_refusal_and_nothing_revoked_serves(
    process: Process, payment: Payment, redis: Redis, *, revoked: bool
) -> None:
    payment.entitled = revoked
    await process().access(USER)
    payment.answer = payment.down
    if revoked:
        await AccessInvalidations(redis).publish(USER, 2)
    payment.clock.advance(seconds=6)
    with pytest.raises(AccessUnavailable):
        await process().access(USER)


async def test_what_is_revoked_while_payment_fails_does_not_serve(
    process: Process, payment: Payment, redis: Redis
) -> None:
    await process().access(USER)
    payment.clock.advance(seconds=31)
    asked, hold = asyncio.Event(), asyncio.Event()

    async def fail_later() -> Response:
        asked.set()
        await hold.wait()
        return await payment.down()

    payment.answer, gate = fail_later, process()
    waiting = asyncio.create_task(gate.access(USER))  # found a positive answer at the others, no longer fresh
    await asked.wait()
    await AccessInvalidations(redis).publish(USER, 2)
    gate.invalidate(USER, 2)
    hold.set()
    with pytest.raises(AccessUnavailable):
        await waiting


async def test_one_who_asks_and_dies_holds_nobody_up_for_long(process: Process, payment: Payment, redis: Redis) -> None:
    assert (await SharedAccess(redis, patience_seconds=LONG).look(USER, payment.clock(), 600)).leads
    assert not (await SharedAccess(redis, patience_seconds=LONG).look(USER, payment.clock(), 600)).leads
    assert (await process(timeout_seconds=0.3).access(USER)).entitled
    assert payment.calls == 1


async def test_one_who_learns_nothing_lets_the_next_ask_at_once(
    process: Process, payment: Payment, redis: Redis
) -> None:
    payment.answer = payment.down
    with pytest.raises(AccessUnavailable):
        await process().access(USER)
    assert (await SharedAccess(redis, patience_seconds=LONG).look(USER, payment.clock(), 600)).leads


async def test_losing_everything_in_redis_costs_a_call_each(process: Process, payment: Payment, redis: Redis) -> None:
    gate = process()
    await gate.access(USER)
    await redis.flushall()
    await redis.script_flush()
    assert (await process().access(USER)).entitled
    await gate.access(USER)
    assert payment.calls == 2


@pytest.mark.parametrize("where", ["nowhere", "a black hole"])
async def test_a_redis_that_is_away_or_silent_is_tried_once_in_five_seconds(payment: Payment, where: str) -> None:
    attempts, seconds = 0, 100.0

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal attempts
        attempts += 1
        if where == "a black hole":
            await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, payment.http() as http, Redis.from_url(f"redis://127.0.0.1:{port}/0", retry=None) as client:
        gate = payment.gate(http, shared=SharedAccess(client, lambda: seconds))
        for _ in range(50):
            assert (await gate.access(uuid4())).entitled
        assert (payment.calls, attempts) == (50, 1)
        seconds = 105.1
        assert (await gate.access(uuid4())).entitled
        assert attempts == 2


async def test_a_redis_that_comes_back_is_used_again(process: Process, payment: Payment, redis: Redis) -> None:
    gate = process()
    await redis.client_kill_filter(_type="normal", skipme=True)
    await gate.access(USER)
    await redis.client_kill_filter(_type="normal", skipme=True)
    await gate.access(uuid4())
    assert (await process().access(USER)).entitled
    assert payment.calls == 2


async def test_a_crowd_opens_no_crowd_of_connections(process: Process, redis: Redis) -> None:
    gate = process()
    answers = await asyncio.gather(*(gate.access(uuid4()) for _ in range(500)))
    assert all(answer.entitled for answer in answers)
    assert len(await redis.client_list()) <= 64 + 2
