"""Windows, the same tests over Redis, over this process's memory, and over the pair; and what a lost Redis costs."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from limits import RateLimitItem, parse
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from common_service.rate_windows import FallbackWindows, LocalWindows, RedisWindows, Taken, Windows
from sandbox.servers.redis import running_redis, start_redis

pytestmark = pytest.mark.anyio
THREE = parse("3/minute")
PATIENT = 60.0


class Broken:
    """A Redis that keeps everybody waiting, or answers if told so."""

    def __init__(self) -> None:
        self.calls, self.answers = 0, False

    async def take(self, rate: RateLimitItem, key: str, cost: int = 1) -> Taken:
        self.calls += 1
        if not self.answers:
            await asyncio.Event().wait()
        return Taken(is_allowed=True, remaining=rate.amount - cost, reset_seconds=len(key))

    async def close(self) -> None: ...


class Seconds:
    """A clock of seconds that obeys."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["redis", "local", "fallback"])
async def windows(request: pytest.FixtureRequest) -> AsyncIterator[Windows]:
    windows: Windows = LocalWindows()
    if request.param != "local":
        windows = RedisWindows(request.getfixturevalue("redis_url"), "rate")
    if request.param == "fallback":
        windows = FallbackWindows(windows, LocalWindows(), CollectorRegistry(), patience=PATIENT, queue=PATIENT)
    yield windows
    await windows.close()


async def test_as_many_pass_as_the_rate_says_and_the_next_is_told_when(windows: Windows) -> None:
    answers = [await windows.take(THREE, "ann") for _ in range(5)]
    assert [answer.is_allowed for answer in answers] == [True, True, True, False, False]
    assert [answer.remaining for answer in answers] == [2, 1, 0, 0, 0]
    assert all(1 <= answer.reset_seconds <= 60 for answer in answers)


async def test_one_key_does_not_use_up_another(windows: Windows) -> None:
    for _ in range(4):
        await windows.take(THREE, "ann")
    assert (await windows.take(THREE, "bob")).is_allowed


async def test_a_cost_is_taken_whole_or_not_at_all(windows: Windows) -> None:
    first = await windows.take(THREE, "ann", 2)
    assert (first.is_allowed, first.remaining) == (True, 1)
    assert not (await windows.take(THREE, "ann", 2)).is_allowed
    assert (await windows.take(THREE, "ann")).is_allowed
    assert not (await windows.take(THREE, "bob", 4)).is_allowed


async def test_the_window_slides(windows: Windows) -> None:
    rate, passed = parse("2/second"), list[tuple[float, float]]()
    async with asyncio.timeout(30):
        while len(passed) < 4:
            before = time.monotonic()
            if (await windows.take(rate, "ann")).is_allowed:
                passed.append((before, time.monotonic()))
            await asyncio.sleep(0.01)
    for (before, _), (_, after) in zip(passed, passed[2:], strict=False):  # never three within a second
        assert after - before >= 0.99


async def test_parallel_requests_never_pass_the_limit(windows: Windows) -> None:
    rate = parse("50/minute")
    answers = await asyncio.gather(*(windows.take(rate, "ann") for _ in range(300)))
    assert sum(answer.is_allowed for answer in answers) == 50


async def test_processes_share_one_window(redis_url: str) -> None:
    rate, processes = parse("50/minute"), [RedisWindows(redis_url, "rate") for _ in range(4)]
    answers = await asyncio.gather(*(processes[number % 4].take(rate, "ann") for number in range(200)))
    assert sum(answer.is_allowed for answer in answers) == 50
    for windows in processes:
        await windows.close()


async def test_a_restarted_redis_goes_unnoticed(tmp_path: Path) -> None:
    first = start_redis(tmp_path)
    windows = RedisWindows(first.url, "rate")
    assert (await windows.take(THREE, "ann")).remaining == 2
    first.stop()
    second = start_redis(tmp_path, port=first.port)
    assert (await windows.take(THREE, "ann")).remaining == 1  # it kept its file; the script is loaded again
    await windows.close()
    second.stop()


def metrics(registry: CollectorRegistry) -> tuple[float | None, float | None]:
    names = ("rate_limit_local", "rate_limit_local_decisions_total")
    return registry.get_sample_value(names[0]), registry.get_sample_value(names[1])


async def test_without_redis_the_process_limits_by_itself_and_says_so_once(tmp_path: Path) -> None:
    with running_redis(tmp_path) as server:
        address, port = server.url, server.port
    clock, registry = Seconds(), CollectorRegistry()
    windows = FallbackWindows(
        RedisWindows(address, "rate"), LocalWindows(), registry, patience=PATIENT, cool_down=5, now=clock
    )
    with capture_logs() as lines:
        answers = [await windows.take(THREE, "ann") for _ in range(5)]
        assert [answer.is_allowed for answer in answers] == [True, True, True, False, False]
        clock.now += 6
        assert not (await windows.take(THREE, "ann")).is_allowed
        assert metrics(registry) == (1, 6)
        back = start_redis(tmp_path, port=port)
        assert not (await windows.take(THREE, "ann")).is_allowed  # still cooling down
        clock.now += 6
        assert (await windows.take(THREE, "ann")).is_allowed
    assert metrics(registry) == (0, 7)
    assert [line["event"] for line in lines] == [
        "rate limits are counted in this process",
        "rate limits are counted in Redis again",
    ]
    await windows.close()
    back.stop()


async def test_a_silent_redis_costs_one_wait_and_then_one_a_cool_down() -> None:
    clock, broken, registry = Seconds(), Broken(), CollectorRegistry()
    windows = FallbackWindows(broken, LocalWindows(), registry, patience=0.01, cool_down=5, now=clock)
    for _ in range(50):
        await windows.take(THREE, str(uuid4()))
    assert broken.calls == 1
    clock.now += 5
    await asyncio.gather(*(windows.take(THREE, str(uuid4())) for _ in range(50)))
    assert broken.calls == 2
    clock.now += 5
    broken.answers = True
    await asyncio.gather(*(windows.take(THREE, str(uuid4())) for _ in range(50)))
    assert metrics(registry)[0] == 0
    await windows.close()


class Gated:
    """A Redis whose every answer waits for its turn, and is a failure where the turn says so."""

    def __init__(self) -> None:
        self.turns: asyncio.Queue[asyncio.Future[bool]] = asyncio.Queue()

    async def take(self, rate: RateLimitItem, key: str, cost: int = 1) -> Taken:
        turn = asyncio.get_running_loop().create_future()
        await self.turns.put(turn)
        if not await turn:
            raise ConnectionError(key)
        return Taken(is_allowed=True, remaining=rate.amount - cost, reset_seconds=1)

    async def close(self) -> None: ...


async def test_a_late_answer_does_not_bring_redis_back_before_its_time() -> None:
    gated, registry = Gated(), CollectorRegistry()
    windows = FallbackWindows(gated, LocalWindows(), registry, patience=PATIENT)
    late, failing = (asyncio.create_task(windows.take(THREE, name)) for name in ("ann", "bob"))
    first, second = await gated.turns.get(), await gated.turns.get()
    second.set_result(False)
    await failing
    first.set_result(True)
    assert (await late).is_allowed
    await windows.take(THREE, "cyd")
    assert (gated.turns.empty(), metrics(registry)) == (True, (1, 2))


async def test_a_burst_waits_for_a_connection_and_not_for_an_answer() -> None:
    gated, registry = Gated(), CollectorRegistry()
    windows = FallbackWindows(gated, LocalWindows(), registry, patience=PATIENT, queue=PATIENT)
    burst = asyncio.gather(*(windows.take(THREE, str(number)) for number in range(40)))
    for _ in range(40):
        turn = await gated.turns.get()
        assert gated.turns.qsize() < 16
        turn.set_result(True)
    assert all(answer.is_allowed for answer in await burst)
    assert metrics(registry) == (0, 0)


async def test_a_slow_redis_makes_nobody_queue_for_long() -> None:
    gated, registry = Gated(), CollectorRegistry()
    windows = FallbackWindows(gated, LocalWindows(), registry, patience=PATIENT, queue=0.01)
    slow = [asyncio.create_task(windows.take(THREE, str(number))) for number in range(16)]
    turns = [await gated.turns.get() for _ in slow]
    answers = await asyncio.gather(*(windows.take(THREE, "ann") for _ in range(5)))
    assert [answer.is_allowed for answer in answers] == [True, True, True, False, False]
    for turn in turns:
        turn.set_result(True)
    await asyncio.gather(*slow)
    assert metrics(registry) == (0, 5)  # it answers: nobody says that it is away
    after = asyncio.create_task(windows.take(THREE, "ann"))
    (await gated.turns.get()).set_result(True)
    assert (await after).is_allowed


async def test_memory_is_bounded_by_keys() -> None:
    windows = LocalWindows(most_keys=100)
    for _ in range(5_000):
        await windows.take(THREE, str(uuid4()))
        await windows.take(THREE, "ann")  # who keeps asking is not forgotten
    assert len(windows) == 100
    assert not (await windows.take(THREE, "ann")).is_allowed


async def test_memory_is_bounded_by_what_is_remembered() -> None:
    windows, rate = LocalWindows(most_stamps=1_000), parse("100/minute")
    for _ in range(50):
        await windows.take(rate, str(uuid4()), 100)
    assert len(windows) == 10


async def test_windows_that_ran_out_are_forgotten_first() -> None:
    clock = Seconds()
    windows = LocalWindows(most_stamps=10, now=clock)
    await windows.take(THREE, "ann", 3)
    clock.now += 61
    assert await windows.take(THREE, "ann") == Taken(is_allowed=True, remaining=2, reset_seconds=60)
    assert not (await windows.take(THREE, "bob", 4)).is_allowed
    await windows.take(THREE, "cyd")
    assert len(windows) == 3
