"""The real runner, started as `make run` starts it, in a run directory that its tests share."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from sandbox.servers.places import passing_directory
from sandbox.servers.ports import free_port
from tools.suite_logs import keep

_OF_THE_MACHINE = ("PATH", "HOME", "LANG", "SSL_CERT_FILE", "PG_BIN_DIR")


@dataclass(frozen=True, slots=True)
class Run:
    """One `make run`."""

    process: subprocess.Popen[bytes]
    words: Path
    file: Path

    def said(self) -> str:
        return self.words.read_text(errors="replace")

    def platform(self) -> dict[str, Any]:
        document: dict[str, Any] = orjson.loads(self.file.read_bytes())
        return document

    def wait_until_ready(self) -> None:
        wait_for(lambda: "TrueCrime is ready: http" in self.said() or self.process.poll() is not None, 200)
        assert self.process.poll() is None, self.said()[-2000:]

    def descendants(self) -> set[int]:
        """Return all that it started, and what those started."""
        parents = {pid: parent for pid, parent in map(_parent_of, _pids()) if parent}
        found = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return found - {self.process.pid}

    def stop(self) -> float:
        """Press Ctrl-C; return how long the end took."""
        self.process.send_signal(signal.SIGINT)
        return self.ends()

    def ends(self) -> float:
        """Wait for the end; return how long it took."""
        begin = time.monotonic()
        assert wait_for(lambda: self.process.poll() is not None, 60), self.said()[-2000:]
        return time.monotonic() - begin


class Checkout:
    """A folder in which one `make run` after the other is started."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._port = free_port()
        self._run: Run | None = None

    def start(self) -> Run:
        """Start a run; nothing may run here yet."""
        assert self._run is None or self._run.process.poll() is not None
        environment = {name: os.environ[name] for name in _OF_THE_MACHINE if name in os.environ}
        environment |= {"RUN_DIR": str(self._home / "run"), "PORT": str(self._port)}
        words = self._home / "words"
        with words.open("wb") as sink:
            process = subprocess.Popen(
                [sys.executable, "-m", "sandbox.runner"], stdout=sink, stderr=sink, env=environment
            )
        self._run = Run(process, words, self._home / "run" / "platform.json")
        return self._run

    def running(self) -> Run:
        """Return the run that an earlier test left as it found it, else a new one that is ready."""
        if self._run is None or self._run.process.poll() is not None:
            self.start().wait_until_ready()
        assert self._run is not None
        return self._run

    def close(self) -> None:
        if self._run is not None and self._run.process.poll() is None:
            self._run.stop()
        keep(self._home / "run")


@pytest.fixture(scope="module")
def checkout() -> Iterator[Checkout]:
    with passing_directory() as directory:
        checkout = Checkout(directory)
        yield checkout
        checkout.close()


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return met


def alive(pids: set[int]) -> set[int]:
    """Return those of `pids` that still run."""
    return {pid for pid in pids if _parent_of(pid)[1] is not None}


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _parent_of(pid: int) -> tuple[int, int | None]:
    """Return the parent of a process, None for one that is gone or only waits to be counted."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return pid, None
    return pid, None if state in "ZX" else int(parent)
