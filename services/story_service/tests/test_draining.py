"""Told to stop while a story is written: its readers go on in another process, and the writing ends in its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from sandbox.servers.ports import free_port, is_listening
from services.story_service.tests.worlds import STORY_TEXT

ROOT = Path(__file__).parents[3]
PROGRAM = """
import asyncio, contextlib, os
from common_auth.testing import TestIssuer
from common_service.database import Database
from common_service.draining import Drain
from common_service.pagination import Cursors
from common_service.serving import serve
from common_service.settings import ServiceSettings
from common_service.testing import ready
from services.story_service.tests.worlds import READER, CountedWork, World, in_pieces, STORY_TEXT
from story_service.wiring.http import assemble

settings = ServiceSettings()
database, drain, issuer = Database(os.environ["DATABASE_URL"]), Drain(settings.shutdown_seconds), TestIssuer()
world = World(lambda: CountedWork(database))
world.engine.live.hears_others = False  # no LISTEN here: followers look for themselves
pieces = in_pieces(STORY_TEXT)

@contextlib.asynccontextmanager
async def lifespan(app):
    gate = asyncio.Event()
    world.writer.scripts = [[*pieces[:60], gate, *pieces[60:]]]
    ending = asyncio.create_task(drain.ending.wait())
    ending.add_done_callback(lambda _: gate.set())  # the model goes on when the process is told to stop
    yield
    await world.engine.runs.drain(drain.seconds_left())
    await database.close()

print(issuer.reader(READER), flush=True)
callers = issuer.callers({})
cursors = Cursors("a secret of the tests")
serve(assemble(world.use, callers, cursors, ready=ready, lifespan=lifespan, drain=drain), settings)
"""


class Process:
    """One process of the service."""

    def __init__(self, program: Path, database_url: str) -> None:
        port = free_port()
        issuer = {"COGNITO_ISSUER": "http://127.0.0.1:1/pool", "COGNITO_JWKS_URL": "http://127.0.0.1:1/jwks"}
        service = {"DATABASE_URL": database_url, "REDIS_URL": "redis://x", "COGNITO_CLIENT_ID": "web"}
        environment = {**os.environ, **issuer, **service, "SHUTDOWN_SECONDS": "30", "PORT": str(port)}
        self.child = subprocess.Popen(
            [sys.executable, str(program)],
            env=environment | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.child.stdout is not None
        token = self.child.stdout.readline().strip()
        self.http = httpx2.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {token}"}, timeout=60
        )
        deadline = time.monotonic() + 60
        while not is_listening(port):
            assert self.child.poll() is None, self.child.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def close(self) -> None:
        self.http.close()
        self.child.kill()
        self.child.communicate()


@pytest.fixture
def processes(tmp_path: Path, database_url: str) -> Iterator[tuple[Process, Process]]:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    with ExitStack() as stack:
        both = []
        for _ in range(2):
            both.append(Process(program, database_url))
            stack.callback(both[-1].close)
        yield both[0], both[1]


def until(text: str, parts: Iterator[str]) -> str:
    """Read until `text` came."""
    seen = ""
    while text not in seen:
        seen += next(parts)
    return seen


def test_readers_go_on_in_another_process_with_the_same_bytes(processes: tuple[Process, Process]) -> None:
    first, second = processes
    wish = {"prompt": "A keeper vanishes", "length": "short"}
    accepted = first.http.post("/story/v1/stories", json=wish, headers={"Idempotency-Key": "key-1"}).json()
    events = accepted["generation"]["events"]
    with ExitStack() as stack:
        streams = [stack.enter_context(first.http.stream("GET", events)) for _ in range(3)]
        readers = [stream.iter_text() for stream in streams]
        heads = [until("event: delta", parts) for parts in readers]
        first.child.send_signal(signal.SIGTERM)
        heads = ["".join([head, *parts]) for head, parts in zip(heads, readers, strict=True)]

    wholes = set()
    for head in heads:
        known, farewell = head.rsplit(": to be continued", 1)
        assert "retry: " in farewell
        last = known.rpartition("id: ")[2].partition("\n")[0]
        wholes.add(known + second.http.get(events, headers={"Last-Event-ID": last}).text)
    assert wholes == {second.http.get(events).text}
    whole = wholes.pop()
    assert '"state":"succeeded"' in whole
    assert len(whole) > len(STORY_TEXT)
    output, _ = first.child.communicate(timeout=60)
    assert first.child.returncode == 0, output
    assert "Traceback" not in output
