"""A streamed chat message through story_service, against the upstream directly and through the LiteLLM proxy."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median

import orjson
import uvloop

from bench.litellm_proxy import KEY, NoProxy, litellm
from bench.load import ask_all, connect, post
from bench.measuring import Figure, Seconds, ratio, show
from bench.platform import Ground, Process, ground, readers, story
from bench.spent import cpu_seconds, memory_megabytes
from sandbox.servers.postgres import Postgres

_AT_ONCE, _EACH, _ROUNDS, _ALONE = 16, 8, 5, 15
_TIMES, _CPU, _ADDED, _MEMORY = 10.0, 1 / 10, 1 / 6, 1 / 3
Rows = Callable[[int], "list[Iterator[bytes]]"]


@dataclass
class Subject:
    """A way to the model, and what rounds over it came to."""

    name: str
    process: Process
    mark: bytes
    each: int  # requests of each of the 16 in a round
    alone: int
    rate: Seconds = field(default_factory=list)
    cpu: Seconds = field(default_factory=list)
    database: Seconds = field(default_factory=list)
    first: Seconds = field(default_factory=list)
    rows: list[list[bytes]] = field(default_factory=list)

    async def prepare(self, _: Ground) -> None:
        """Write the requests of a round, and of one row alone behind them."""
        self.rows = [[direct()] * each for each in self._sizes()]

    def _sizes(self) -> list[int]:
        return [*[self.each] * _AT_ONCE, self.alone]

    async def round(self, postgres: Postgres) -> None:
        """Send the requests, 16 at once, then those of one alone."""
        connections = [await connect(self.process.url, self.mark) for _ in self.rows]
        clock = asyncio.get_running_loop().time
        cpu, database, started = cpu_seconds(self.process.pid), _database(postgres), clock()
        answered = await ask_all(connections, map(iter, self.rows[:_AT_ONCE]))
        seconds = clock() - started
        self.rate.append(len(answered) / seconds)
        self.cpu.append((cpu_seconds(self.process.pid) - cpu) / len(answered))
        self.database.append((_database(postgres) - database) / len(answered))
        alone = await ask_all(connections[_AT_ONCE:], map(iter, self.rows[_AT_ONCE:]))
        self.first.append(median(answer.first for answer in alone))
        for connection in connections:
            connection.close()


class Ours(Subject):
    """Through story_service: every round is one of new readers, in new conversations of a dozen turns."""

    async def prepare(self, place: Ground) -> None:
        """Sign them in."""
        sizes = self._sizes()
        found = await readers(place, self.process, len(sizes))
        self.rows = [[reader.say() for _ in range(size)] for reader, size in zip(found, sizes, strict=True)]


class LiteLLM(Subject):
    """Through the proxy."""

    async def prepare(self, _: Ground) -> None:
        """Carry a key."""
        self.rows = [[direct(Authorization=f"Bearer {KEY}")] * each for each in self._sizes()]


def direct(pace: str = "/v1", **headers: str) -> bytes:
    """Return the request to the model itself."""
    body = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Where were you?"}], "stream": True,
            "max_tokens": 800}  # fmt: skip
    return post(f"{pace}/chat/completions", orjson.dumps(body), **headers)


def _database(postgres: Postgres) -> float:
    return cpu_seconds(postgres.process.pid, family=True)


async def measure(place: Ground, subjects: list[Subject], rounds: int) -> None:
    """Let all take their rounds in turn, each second round backwards; one round warms up."""
    for number in range(rounds + 1):
        for subject in subjects if number % 2 else reversed(subjects):
            await subject.prepare(place)
            await subject.round(place.postgres)
            print(f"round {number}, {subject.name}: {subject.cpu[-1] * 1e3:.1f} ms", file=sys.stderr, flush=True)
        if number == 0:
            for subject in subjects:
                for figures in (subject.rate, subject.cpu, subject.database, subject.first):
                    figures.clear()


def figures(subjects: list[Subject]) -> list[Figure]:
    """Say what each came to, then the ratios that are asked for."""
    upstream = subjects[0]
    said = []
    for subject in subjects:
        added = [one - other for one, other in zip(subject.first, upstream.first, strict=True)]
        said += [
            Figure(f"{subject.name}: requests, {_AT_ONCE} at once", median(subject.rate), "1/s"),
            Figure(f"{subject.name}: CPU of its process, a request", median(subject.cpu) * 1e3, "ms"),
            Figure(f"{subject.name}: memory", memory_megabytes(subject.process.pid), "MB"),
        ]
        if subject is not upstream:
            said.append(Figure(f"{subject.name}: first word added, 1 at once", median(added) * 1e3, "ms"))
        if isinstance(subject, Ours):
            said.append(Figure(f"{subject.name}: CPU of Postgres, a request", median(subject.database) * 1e3, "ms"))
    peers = [subject for subject in subjects if isinstance(subject, LiteLLM)]
    for peer in peers:
        for subject in subjects:
            if isinstance(subject, Ours):
                said += _ratios(upstream, subject, peer, is_asked=subject.name == "ours")
    return said


def _ratios(upstream: Subject, ours: Subject, peer: Subject, *, is_asked: bool) -> list[Figure]:
    def limit(figure: float) -> float | None:
        return figure if is_asked else None

    added = [one - other for one, other in zip(ours.first, upstream.first, strict=True)]
    added_by_peer = [one - other for one, other in zip(peer.first, upstream.first, strict=True)]
    memory = memory_megabytes(ours.process.pid) / memory_megabytes(peer.process.pid)
    return [
        Figure(f"{ours.name} / LiteLLM: requests", ratio(ours.rate, peer.rate), "x", limit(_TIMES), at_least=True),
        Figure(f"{ours.name} / LiteLLM: CPU a request", ratio(ours.cpu, peer.cpu), "x", limit(_CPU)),
        Figure(f"{ours.name} / LiteLLM: first word added", ratio(added, added_by_peer), "x", limit(_ADDED)),
        Figure(f"{ours.name} / LiteLLM: memory", memory, "x", limit(_MEMORY)),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--durable", action="store_true", help="commits wait for the disk")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="after one that warms up")
    parser.add_argument("--alone", action="store_true", help="without LiteLLM")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        place = stack.enter_context(ground(durable=chosen.durable))
        off = stack.enter_context(story(place, CONTENT_MODERATOR_CONFIG='{"policy": "off"}'))
        held = stack.enter_context(story(place))
        subjects: list[Subject] = [
            Subject("upstream", place.world, b'"content":"a few', _EACH * 3, _ALONE),
            Ours("ours", off, b"event: delta", _EACH, _ALONE),
            Ours("ours, hold_back", held, b"event: delta", _EACH, _ALONE),
        ]
        if not chosen.alone:
            try:
                proxy = stack.enter_context(litellm(place))
                subjects.append(LiteLLM("LiteLLM", proxy, b'"content":"a few', 4, _ALONE))
            except NoProxy as error:
                print(f"LiteLLM is not measured: {error}")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(measure(place, subjects, chosen.rounds))
        show("gateway", figures(subjects))


if __name__ == "__main__":
    main()
