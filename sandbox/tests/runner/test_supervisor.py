"""Children are started, watched and stopped: the fakes are real processes of a few lines."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.runner.printing import Printer
from sandbox.runner.probes import Probe
from sandbox.runner.supervisor import Fallen, Part, Supervisor
from sandbox.servers.child import Command
from sandbox.servers.errors import CannotStart

pytestmark = pytest.mark.anyio

SLEEPER = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
MORTAL = """
import time
print("up", flush=True)
time.sleep(0.3)
print("no ink")
raise SystemExit(3)
"""
PARENT = """
import subprocess
child = subprocess.Popen(["sleep", "60"])
print(child.pid, "up", sep="\\n", flush=True)
child.wait()
"""
NOTING = """
import signal, sys, time
def leave(*_):
    with open(sys.argv[1], "a") as f: print(sys.argv[2], file=f)
    sys.exit()
signal.signal(signal.SIGTERM, leave)
print("up", flush=True)
time.sleep(60)
"""


@pytest.fixture
async def supervisor(printer: Printer) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(printer)
    yield supervisor
    await supervisor.stop(within=0.5)


def part(text: str, printed: Path, *, name: str = "part", rank: int = 0, words: tuple[str, ...] = ()) -> Part:
    return Part(
        name, Command((sys.executable, "-S", "-c", text, *words)), rank, saying("up", name, printed), patience=5
    )


def saying(word: str, name: str, printed: Path) -> Probe:
    async def probe() -> str | None:
        return None if [name, word] in [line.split() for line in text_of(printed)] else "it said nothing"

    return probe


def text_of(printed: Path) -> list[str]:
    return printed.read_text().splitlines()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_part_is_started_when_its_probe_says_so(supervisor: Supervisor, printed: Path) -> None:
    await supervisor.start(part(SLEEPER, printed))
    assert is_alive(supervisor.pids["part"])
    assert text_of(printed) == ["part            up"]


async def test_parts_stop_from_the_highest_rank_down(supervisor: Supervisor, printed: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    for rank, name in enumerate(("database", "world", "service")):
        await supervisor.start(part(NOTING, printed, name=name, rank=rank, words=(str(notes), name)))
    await supervisor.stop()
    assert text_of(notes) == ["service", "world", "database"]
    assert supervisor.pids == {}


async def test_a_part_that_does_not_want_to_go_is_killed_in_time(supervisor: Supervisor, printed: Path) -> None:
    await supervisor.start(part(STUBBORN, printed))
    pid = supervisor.pids["part"]
    begin = time.monotonic()
    await supervisor.stop(within=0.5)
    assert time.monotonic() - begin < 1.5
    assert not is_alive(pid)


async def test_a_part_that_dies_is_told_with_its_last_words(supervisor: Supervisor, printed: Path) -> None:
    await supervisor.start(part(MORTAL, printed))
    child = await asyncio.wait_for(supervisor.fallen, 5)
    assert str(Fallen(child)) == "part ended with exit code 3; its last words:\n    up\n    no ink"


async def test_a_part_that_was_killed_names_the_signal(supervisor: Supervisor, printed: Path) -> None:
    await supervisor.start(part(SLEEPER, printed))
    os.kill(supervisor.pids["part"], signal.SIGKILL)
    child = await asyncio.wait_for(supervisor.fallen, 5)
    assert str(Fallen(child)).startswith("part was ended by SIGKILL")


async def test_a_part_that_dies_before_it_is_ready_is_no_start(supervisor: Supervisor, printed: Path) -> None:
    with pytest.raises(Fallen, match=r"exit code 1; its last words:\n {4}no paper"):
        await supervisor.start(part("raise SystemExit('no paper')", printed))


async def test_a_part_that_never_gets_ready_is_told_with_the_reason(supervisor: Supervisor) -> None:
    async def never() -> str | None:
        return "the ink is dry"

    late = Part("part", Command((sys.executable, "-S", "-c", SLEEPER)), 0, never, patience=0.3)
    with pytest.raises(CannotStart, match=r"part is not ready after 0 s: the ink is dry\."):
        await supervisor.start(late)


async def test_a_step_that_fails_is_told_by_its_last_line(supervisor: Supervisor) -> None:
    step = Command((sys.executable, "-S", "-c", "import sys; print('a'); print(sys.stdin.read()); sys.exit(1)"))
    with pytest.raises(CannotStart, match=r"^migration: what it read$"):
        await supervisor.run("migration", step, b"what it read")


async def test_the_end_of_a_step_is_no_fall(supervisor: Supervisor) -> None:
    await supervisor.run("step", Command((sys.executable, "-S", "-c", "")))
    assert not supervisor.fallen.done()


async def test_killing_ends_what_a_part_has_started_too(supervisor: Supervisor, printed: Path) -> None:
    await supervisor.start(part(PARENT, printed))
    grandchild = int(text_of(printed)[0].split()[1])
    supervisor.kill()
    await supervisor.stop(within=0.5)
    for _ in range(100):
        if not is_alive(grandchild) or _is_zombie(grandchild):
            return
        await asyncio.sleep(0.02)
    pytest.fail("the grandchild lives on")


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
