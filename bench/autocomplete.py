"""Autocomplete over a million titles: exact, prefix and one typo, in one run with SQLite and Postgres with pg_trgm.

python -m bench.autocomplete [--titles 1000000]
"""

import argparse
import asyncio
import gc
import http.client
import multiprocessing
import os
import random
import resource
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import quote
from uuid import UUID

import psycopg
import uvicorn
import uvloop
from prometheus_client import CollectorRegistry

from bench.measuring import Figure, show
from bench.titles import Row, Sqlite, Trigrams, copy, made, with_a_typo
from common_auth.testing import TestIssuer
from common_service.app import create_service_app
from common_service.database import Database
from common_service.logging import configure_logging
from common_service.pagination import Cursors
from common_service.testing import alembic
from sandbox.servers.postgres import start_postgres
from story_service.api.catalog.routes import catalog_routes
from story_service.api.problems import FACES
from story_service.application.catalog.read_catalog import Completions, ReadCatalog
from story_service.domain.catalog.entry import Hit
from story_service.domain.catalog.index import CatalogIndex
from story_service.domain.catalog.typos import is_near
from story_service.infrastructure.catalog.loading import LoadedTitle, load
from story_service.infrastructure.catalog.refreshing import CatalogRefresher
from story_service.infrastructure.work import SqlStoryWork

_ROUNDS, _A_ROUND, _TYPOS, _REQUESTS, _LOADED = 5, 200, 8, 600, 20_000
_STORY = Path(__file__).resolve().parents[1] / "services" / "story_service"
_READER = UUID("01a1fe00-0000-7000-8000-000000000001")
Look = Callable[[str], object]


def look_up(
    looks: dict[str, Look], rounds: Sequence[Sequence[str]], clock: Callable[[], float]
) -> dict[str, list[list[float]]]:
    """Ask both the same, one after the other; return the seconds of each answer, round by round."""
    taken: dict[str, list[list[float]]] = {name: [[] for _ in rounds] for name in looks}
    for number, words in enumerate(rounds):
        for word in words:
            for name in list(looks) if number % 2 else reversed(list(looks)):
                started = clock()
                looks[name](word)
                taken[name][number].append(clock() - started)
    return taken


def p95(seconds: Sequence[float]) -> float:
    return quantiles(seconds, n=20)[-1]


def of_rounds(taken: dict[str, list[list[float]]], figure: Callable[[Sequence[float]], float]) -> float:
    """Return how many times the peer takes what ours takes: the median of the rounds."""
    ours, peer = taken.values()
    return median(figure(b) / figure(a) for a, b in zip(ours, peer, strict=True))


def compare_prefixes(index: CatalogIndex, sqlite: Sqlite, rows: list[Row], chance: random.Random) -> list[Figure]:
    """Compare with SQLite, whose hits have to be ours."""
    keys = [row[2] for row in chance.choices(rows, k=_ROUNDS * _A_ROUND)]
    typed = [key[: chance.randint(2, 12)] for key in keys]
    for word in typed[:_A_ROUND]:
        theirs = sqlite.complete(word)
        ours = index.complete(word, 10)  # a title that is just so comes first with us
        is_title = bool(ours) and ours[0].title.lower() == word
        assert is_title or [hit.id.int for hit in ours][: len(theirs)] == theirs, word
    figures = []
    for name, words, limit in (("exact", keys, None), ("prefix", typed, 20.0)):
        rounds = [words[at : at + _A_ROUND] for at in range(0, len(words), _A_ROUND)]
        taken = look_up(
            {"ours": lambda word: index.complete(word, 10), "sqlite": sqlite.complete}, rounds, time.thread_time
        )
        for peer, parts in taken.items():
            figures += _latencies(f"{name}, {peer}", [each for part in parts for each in part])
        figures.append(Figure(f"{name}: p50 of SQLite / ours", of_rounds(taken, median), "x"))
        figures.append(Figure(f"{name}: p95 of SQLite / ours", of_rounds(taken, p95), "x", limit, at_least=True))
    return figures


def compare_typos(index: CatalogIndex, trigrams: Trigrams, rows: list[Row], chance: random.Random) -> list[Figure]:
    """Compare with pg_trgm, and count at how many of the words both have the same hits within one typo."""

    found: dict[str, list[Hit]] = {}
    theirs: dict[str, set[int]] = {}

    def ours(word: str) -> None:
        found[word] = index.complete(word, 10)

    def peers(word: str) -> None:
        theirs[word] = trigrams.near(word)

    meant = chance.choices(rows, k=_ROUNDS * _TYPOS)
    words = [with_a_typo(row[2], chance) for row in meant]
    rounds = [words[at : at + _TYPOS] for at in range(0, len(words), _TYPOS)]
    taken = look_up({"ours": ours, "pg_trgm": peers}, rounds, time.perf_counter)
    figures = []
    for peer, parts in taken.items():
        figures += _latencies(f"one typo, {peer}", [each for part in parts for each in part])
    near = {word: {hit.id.int for hit in hits if is_near(hit.title.lower(), word)} for word, hits in found.items()}
    pairs = [(near[word], theirs[word], row[0].int) for word, row in zip(words, meant, strict=True)]
    share = 100 / len(pairs)
    return [
        *figures,
        Figure("one typo: p50 of pg_trgm / ours", of_rounds(taken, median), "x", 20.0, at_least=True),
        Figure("one typo: p95 of pg_trgm / ours", of_rounds(taken, p95), "x"),
        Figure("one typo: the same hits within one typo", sum(a == b for a, b, _ in pairs) * share, "%"),
        Figure("one typo: the title that was meant, ours", sum(one in a for a, _, one in pairs) * share, "%"),
        Figure("one typo: the title that was meant, pg_trgm", sum(one in b for _, b, one in pairs) * share, "%"),
    ]


async def built(url: str, completions: Completions) -> list[Figure]:
    """Have the index made, as a service does, while this loop goes on; return what it costs."""
    before, longest, stop = _memory(), [0.0], asyncio.Event()

    async def tick() -> None:
        while not stop.is_set():
            started = time.perf_counter()
            await asyncio.sleep(0.001)
            longest.append(time.perf_counter() - started - 0.001)

    ticking = asyncio.create_task(tick())
    started = time.perf_counter()
    await CatalogRefresher(url, completions).look()
    seconds = time.perf_counter() - started
    stop.set()
    await ticking
    assert completions.index is not None
    for typed in ("th", "murder at k", "the lsat", "nihgt in"):
        completions.index.complete(typed, 10)
    own, mapped = (after - was for after, was in zip(_memory(), before, strict=True))
    packer = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return [
        Figure("rebuild: read and packed by a process of its own", seconds, "s"),
        Figure("rebuild: the most that it held the event loop up", max(longest) * 1e3, "ms"),
        Figure("rebuild: most memory of the process that packs", packer, "MB"),
        Figure("memory of the index: the service's own", own, "MB"),
        Figure("memory of the index: the mapped image", completions.index.base.size / 2**20, "MB"),
        Figure("memory of the index: pages of it that were touched", mapped, "MB"),
    ]


def _memory() -> tuple[float, float]:
    """Return megabytes of this process: its own, and of files that are mapped."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    named = {name: value for name, _, value in (line.partition(":") for line in lines)}
    return tuple(int(named[name].split()[0]) / 1024 for name in ("RssAnon", "RssFile"))  # type: ignore[return-value]


def over_http(url: str, completions: Completions, words: Sequence[str]) -> list[Figure]:
    """Ask a process with the whole stack (server, middlewares, token, route), one request after another."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        issuer, port = TestIssuer(), listener.getsockname()[1]
        context = multiprocessing.get_context("fork")  # the child has the index without making it
        server = context.Process(target=_serve, args=(listener, url, completions, issuer), daemon=True)
        server.start()
    headers = {"Authorization": f"Bearer {issuer.reader(_READER)}"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(path: str) -> float:
        started = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, path
        return time.perf_counter() - started

    try:
        for _ in range(10):
            ask("/story/v1/catalog/autocomplete?q=the")
        cpu = _cpu_seconds(server.pid)
        waits = [ask(f"/story/v1/catalog/autocomplete?q={quote(word[:64])}") for word in words]
        cpu = (_cpu_seconds(server.pid) - cpu) / len(words)
        size = len(waits) // _ROUNDS
        parts = [waits[at : at + size] for at in range(0, size * _ROUNDS, size)]
        floor = [ask("/healthz") for _ in words]
    finally:
        connection.close()
        server.kill()
        server.join()
    return [
        *_latencies("HTTP floor: /healthz of the same process", floor),
        *_latencies("HTTP, exact, prefix and typo in turn", waits),
        Figure("HTTP, p95 of the quietest of five rounds", min(map(p95, parts)) * 1e3, "ms", 5.0),
        Figure("HTTP: CPU of the server for a request", cpu * 1e3, "ms"),
    ]


def _cpu_seconds(pid: int | None) -> float:
    """Return how long a process has computed."""
    words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _serve(listener: socket.socket, url: str, completions: Completions, issuer: TestIssuer) -> None:
    database = Database(url)
    catalog = ReadCatalog(lambda: SqlStoryWork(database), completions)
    app = create_service_app(
        title="bench",
        prefix="/story",
        routers=[catalog_routes(catalog, issuer.callers({}), Cursors("bench"))],
        problems=FACES,
        ready=database.ping,
        registry=CollectorRegistry(),
    )
    config = uvicorn.Config(app, loop="uvloop", http="httptools", log_config=None, access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


def _latencies(name: str, seconds: Sequence[float]) -> list[Figure]:
    return [Figure(f"{name}, p50", median(seconds) * 1e3, "ms"), Figure(f"{name}, p95", p95(seconds) * 1e3, "ms")]


@contextmanager
def story_database() -> Iterator[tuple[str, Path]]:
    """Yield the URL of a database of this run with the migrations of story_service applied, and a folder."""
    with tempfile.TemporaryDirectory(prefix="truecrime-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        directory.chmod(0o755)  # Postgres runs as another user when root runs this
        postgres = start_postgres(directory, durable=False)
        try:
            with psycopg.connect(postgres.url, autocommit=True) as connection:
                connection.execute("CREATE SCHEMA IF NOT EXISTS story")
            alembic(_STORY, postgres.url, "upgrade", "head")
            yield postgres.url, directory
        finally:
            postgres.stop()


def measure(url: str, directory: Path, count: int) -> list[Figure]:
    """Load, build, and look up."""
    chance, completions = random.Random(7), Completions()
    rows = list(made(count, chance))
    loaded = [LoadedTitle(row[1], row[0], popularity=row[3]) for row in rows[:_LOADED]]
    started = time.perf_counter()
    assert [total.new for total in load(url, loaded)] == [len(loaded)]
    figures = [Figure("import, with all indexes", len(loaded) / (time.perf_counter() - started), "titles/s")]
    copy(url, rows)
    gc.collect()
    gc.freeze()  # millions of objects of this program, which no service has, are not to be looked through meanwhile
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        figures += runner.run(built(url, completions))
    assert completions.index is not None
    figures += compare_prefixes(completions.index, Sqlite(str(directory / "titles.sqlite"), rows), rows, chance)
    try:
        trigrams = Trigrams(url)
    except psycopg.Error as error:
        print(f"This Postgres has no pg_trgm, nothing to compare typos with: {error}")
    else:
        figures += compare_typos(completions.index, trigrams, rows, chance)
        trigrams.close()
    keys = [row[2] for row in chance.choices(rows, k=_REQUESTS // 3)]
    words = [word for key in keys for word in (key, key[: chance.randint(2, 12)], with_a_typo(key, chance))]
    return figures + over_http(url, completions, words)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--titles", type=int, default=1_000_000)
    count = parser.parse_args().titles
    configure_logging("bench", level="WARNING")
    with story_database() as (url, directory):
        figures = measure(url, directory, count)
    show("autocomplete", figures)


if __name__ == "__main__":
    main()
