"""A Redis-protocol server on this machine without Docker."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import redis

from sandbox.servers.binaries import find_redis
from sandbox.servers.child import Command, start_child, stop_child
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


def redis_command(directory: Path, port: int, *, durable: bool = True) -> Command:
    """Return what serves the append-only file in `directory`. Raises CannotStart."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"The folder {directory} cannot be written: {error.strerror}.") from None
    words = [str(find_redis()), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory), "--save", ""]
    words += ["--appendonly", "yes" if durable else "no", "--loglevel", "warning"]
    return Command(tuple(words), directory, orphan_signal=signal.SIGTERM)


def redis_url(port: int) -> str:
    """Return the address that services are given."""
    return f"redis://127.0.0.1:{port}/0"


def answers(url: str) -> bool:
    """Tell whether the server at `url` takes commands now."""
    with redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


def start_redis(directory: Path, *, port: int | None = None, durable: bool = True) -> Redis:
    """Start a server whose append-only file lives in `directory`; return when it answers. Raises CannotStart."""
    port = port or free_port()
    command = redis_command(directory, port, durable=durable)
    log = directory / "redis.log"
    process = start_child(command, log)
    deadline = time.monotonic() + 10
    while not answers(redis_url(port)):
        if process.poll() is not None:
            raise CannotStart(f"The Redis server ended at once; its last words are in {log}.")
        if time.monotonic() > deadline:
            stop_child(process)
            raise CannotStart("The Redis server does not answer after 10 s.")
        time.sleep(0.02)
    return Redis(redis_url(port), port, process)


@contextlib.contextmanager
def running_redis(directory: Path) -> Iterator[Redis]:
    """Run a server for tests: in memory, and gone with the block."""
    server = start_redis(directory, durable=False)
    try:
        yield server
    finally:
        server.stop()
