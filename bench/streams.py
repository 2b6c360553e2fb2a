"""Open streams on one process of story_service: 64 at the pace of a model, then 2,000 slow ones, some of which vanish.

What a paced stream costs in CPU stands beside the same through the SDK's own objects, in a process of its own.
"""

import argparse
import asyncio
import multiprocessing
import resource
import time
from collections.abc import Sequence
from statistics import median
from typing import Any

import psycopg
import uvloop

from bench.gateway import direct
from bench.load import Answer, Connection, connect
from bench.measuring import Figure, Seconds, show
from bench.platform import Ground, Process, Reader, ground, readers, story
from bench.spent import cpu_seconds, memory_megabytes
from bench.upstream import CHUNKS

_PACED, _ROUNDS, _SLOW, _AT_ONCE, _PATIENCE = 64, 3, 2000, 50, 300
_APART = 0.03  # seconds between the beginnings of two paced streams
_TIME, _CPU = 1.05, 1 / 4
_OFF = '{"policy": "off"}'
_SAID = b"event: delta"


async def paced(place: Ground) -> list[Figure]:
    """Let all three read 64 streams of 45 events a second, in turn."""
    with story(place, "/paced/v1", CONTENT_MODERATOR_CONFIG=_OFF) as ours:
        alone, here, cpu, sdk = Seconds(), Seconds(), Seconds(), Seconds()
        for reader in await readers(place, ours, 8):  # imports and prepared statements
            await _whole(ours, [reader.say()], _SAID)
        for _ in range(_ROUNDS + 1):
            alone.append(await _whole(place.world, [direct("/paced/v1")] * _PACED, b'"content":"a few'))
            crowd = await readers(place, ours, _PACED)
            before = cpu_seconds(ours.pid)
            here.append(await _whole(ours, [reader.say() for reader in crowd], _SAID))
            cpu.append(cpu_seconds(ours.pid) - before)
            sdk.append(await asyncio.to_thread(_by_sdk, place.world.url))
    times = median(one / other for one, other in zip(here[1:], alone[1:], strict=True))
    cost = median(one / other for one, other in zip(cpu[1:], sdk[1:], strict=True))
    return [
        Figure(f"upstream: {_PACED} streams of {CHUNKS} chunks, 45 a second", median(alone[1:]), "s"),
        Figure("ours / upstream: time", times, "x", _TIME),
        Figure("ours: CPU of all, with acceptance, money and log", median(cpu[1:]), "s"),
        Figure("the SDK's objects: CPU of reading alone", median(sdk[1:]), "s"),
        Figure("ours / the SDK's objects: CPU", cost, "x", _CPU),
    ]


async def crowded(place: Ground, number: int) -> list[Figure]:
    """Open so many slow streams, let a tenth vanish, and read the others to their end."""
    with story(place, "/slow/v1", CONTENT_MODERATOR_CONFIG=_OFF, DATABASE_POOL_SIZE="10") as ours:
        crowd = await _in_groups(place, ours, number)
        before, cpu = memory_megabytes(ours.pid), cpu_seconds(ours.pid)
        started = time.perf_counter()
        connections: list[Connection] = []
        asked: list[asyncio.Task[Answer]] = []
        for group in range(0, number, _AT_ONCE):
            opening = [await connect(ours.url, _SAID) for _ in crowd[group : group + _AT_ONCE]]
            pairs = zip(opening, crowd[group:], strict=False)
            asked += [asyncio.create_task(connection.ask(reader.say())) for connection, reader in pairs]
            await asyncio.gather(*(connection.begun.wait() for connection in opening))
            connections += opening
        opened, held = time.perf_counter() - started, memory_megabytes(ours.pid)
        are_open = sum(not task.done() for task in asked)
        for connection in connections[::10]:
            connection.close()
        answered = await asyncio.gather(*asked, return_exceptions=True)
        stayed = [one for at, one in enumerate(answered) if at % 10]
        whole = [answer for answer in stayed if isinstance(answer, Answer)]
        spent = cpu_seconds(ours.pid) - cpu
        ended = await _succeeded(place, number)
    return [
        Figure(f"{number:,} slow streams on one process: until all are open", opened, "s"),
        Figure("of them open at once", are_open, ""),
        Figure("memory of each open stream", (held - before) * 1024 / number, "KB"),
        Figure("CPU of each stream", spent / number * 1e3, "ms"),
        Figure("readers that stayed and did not get all of theirs", len(stayed) - len(whole), "", 0),
        Figure("generations that did not succeed, though a tenth of the readers vanished", number - ended, "", 0),
        Figure("the slowest stream / the fastest", _spread(whole), "x"),
    ]


def _spread(whole: Sequence[Answer]) -> float:
    seconds = [answer.whole for answer in whole]
    return max(seconds) / min(seconds)


async def _in_groups(place: Ground, ours: Process, number: int) -> list[Reader]:
    crowd: list[Reader] = []
    while len(crowd) < number:
        crowd += await readers(place, ours, min(_AT_ONCE, number - len(crowd)))
    return crowd


async def _succeeded(place: Ground, number: int) -> int:
    """Count those of the newest that succeeded, when none is being written any more."""
    newest = "FROM (SELECT state FROM story.generations ORDER BY created_at DESC LIMIT %s) AS newest WHERE state"
    async with await psycopg.AsyncConnection.connect(place.postgres.url, autocommit=True) as connection:
        for _ in range(_PATIENCE):
            if not await _count(connection, f"SELECT count(*) {newest} IN ('accepted','running','finishing')", number):
                break
            await asyncio.sleep(1)
        return await _count(connection, f"SELECT count(*) {newest} = 'succeeded'", number)


async def _count(connection: psycopg.AsyncConnection[Any], query: str, *values: int) -> int:
    row = await (await connection.execute(query.encode(), values)).fetchone()
    assert row is not None
    return int(row[0])


async def _whole(at: Process, requests: Sequence[bytes], mark: bytes) -> float:
    connections: list[Connection] = [await connect(at.url, mark) for _ in requests]
    started = time.perf_counter()

    async def ask(number: int) -> None:
        await asyncio.sleep(number * _APART)
        await connections[number].ask(requests[number])

    await asyncio.gather(*map(ask, range(len(requests))))
    seconds = time.perf_counter() - started
    for connection in connections:
        connection.close()
    return seconds


def _by_sdk(url: str) -> float:
    """Return the CPU seconds that a process spends on reading the same streams with the SDK."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_read_with_sdk, (url,))


def _read_with_sdk(url: str) -> float:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_sdk_streams(url))


async def _sdk_streams(url: str) -> float:
    from openai import AsyncOpenAI

    async with AsyncOpenAI(base_url=f"{url}/paced/v1", api_key="of this run") as client:

        async def read() -> None:
            stream = await client.chat.completions.create(
                model="gpt-5-mini", messages=[{"role": "user", "content": "Where were you?"}], stream=True
            )
            async for _ in stream:
                pass

        await read()  # what the first call imports is not counted
        started = time.process_time()
        await asyncio.gather(*(read() for _ in range(_PACED)))
        return time.process_time() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slow", type=int, default=_SLOW, help="how many slow streams; 0 leaves them out")
    slow: int = parser.parse_args().slow
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65_536), most))  # the children inherit it
    with ground() as place, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        figures = runner.run(paced(place))
        show("streams", figures)
        if slow:
            show("streams", runner.run(crowded(place, slow)))


if __name__ == "__main__":
    main()
