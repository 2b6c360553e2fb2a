"""What a stream sees of the end of its process."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from common_service.draining import Drain, farewell

pytestmark = pytest.mark.anyio


class Numbers:
    """Yields what it is given, waits for more, and knows whether it was closed in good order."""

    def __init__(self, *known: int) -> None:
        self.known, self.more, self.ended = known, asyncio.Event(), False

    async def __call__(self) -> AsyncIterator[int]:
        try:
            for n in self.known:
                yield n
            await self.more.wait()
            yield 99
        finally:
            self.ended = True


async def read(drain: Drain, numbers: Numbers) -> list[int]:
    return [n async for n in drain.until_ending(numbers())]


async def test_a_stream_passes_unchanged_while_nothing_ends() -> None:
    numbers = Numbers(1, 2)
    numbers.more.set()
    assert await read(Drain(), numbers) == [1, 2, 99]
    assert numbers.ended


async def test_waiting_streams_end_when_the_process_does() -> None:
    drain, streams = Drain(), [Numbers(1, 2) for _ in range(3)]
    reading = [asyncio.create_task(read(drain, numbers)) for numbers in streams]
    await asyncio.sleep(0)
    drain.end()
    async with asyncio.timeout(30):  # only a test that fails waits so long
        assert await asyncio.gather(*reading) == [[1, 2]] * 3
    assert all(numbers.ended for numbers in streams)


async def test_a_stream_that_begins_too_late_is_empty() -> None:
    drain = Drain()
    drain.end()
    assert await read(drain, Numbers(1)) == []


async def test_a_deadline_inside_the_stream_is_not_mistaken_for_the_end() -> None:
    async def failing() -> AsyncIterator[int]:
        yield 1
        raise TimeoutError

    with pytest.raises(TimeoutError):
        async for _ in Drain().until_ending(failing()):
            pass


async def test_a_reader_who_leaves_cancels_only_himself() -> None:
    drain, mine, others = Drain(), Numbers(1), Numbers(2)
    leaving, staying = (asyncio.create_task(read(drain, numbers)) for numbers in (mine, others))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait([leaving])
    assert leaving.cancelled()
    others.more.set()
    assert await staying == [2, 99]


async def test_the_time_that_is_left_runs_from_the_end_of_the_streams() -> None:
    now = [100.0]
    drain = Drain(3.0, lambda: now[0])
    drain.leave()
    now[0] = 200.0
    assert (drain.leaving, drain.ending.is_set(), drain.seconds_left()) == (True, False, 3.0)
    drain.end()
    now[0] = 201.0
    drain.end()
    assert drain.seconds_left() == 2.0
    now[0] = 300.0
    assert drain.seconds_left() == 0.0


async def test_the_farewell_is_no_event_and_readers_come_back_one_after_the_other() -> None:
    lines = {farewell() for _ in range(50)}
    assert len(lines) > 10
    for line in lines:
        comment, retry, *rest = line.decode().split("\n")
        assert comment.startswith(":")
        assert retry.startswith("retry: ")
        assert rest == ["", ""]
