"""The folder with everything that outlives a run: chosen ports, generated secrets, data, logs, platform.json."""

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from sandbox.servers.errors import CannotStart
from sandbox.servers.ports import claim, free_port, is_free

_NEEDED = 300 * 1024 * 1024


class RunDirectory:
    """Held by one runner at a time: the kernel drops the lock of a runner that was killed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.platform_file = path / "platform.json"
        self.clients_file = path / "service-clients.json"
        self.logs = path / "logs"
        self._lock: int | None = None

    def __enter__(self) -> Self:
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
            self._take_lock()
            self._refuse_a_full_disk()
            self.platform_file.unlink(missing_ok=True)  # of a runner that was killed: it tells of what is gone
        except OSError as error:
            raise CannotStart(f"The folder {self.path} cannot be written: {error.strerror}.") from None
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        with contextlib.suppress(OSError):
            self.platform_file.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)

    def ports(self, names: Iterable[str], taken: Iterable[int] = ()) -> dict[str, int]:
        """Return a port for each name: yesterday's where it is still free."""
        file = self.path / "ports.json"
        before = _read(file)
        chosen: dict[str, int] = {}
        for name in names:
            used = {*chosen.values(), *taken}
            port = before.get(name)
            keep = isinstance(port, int) and port not in used and is_free(port) and claim(port)
            chosen[name] = port if isinstance(port, int) and keep else free_port(used)
        _write(file, before | chosen)
        return chosen

    def secrets(self, names: Iterable[str]) -> dict[str, str]:
        """Return a generated secret for each name, the same in every run, readable by its owner alone."""
        file = self.path / "secrets.json"
        known = {name: str(value) for name, value in _read(file).items()}
        wanted = {name: known.get(name) or secrets.token_urlsafe(24) for name in names}
        if not wanted.items() <= known.items():
            _write(file, known | wanted)
        return wanted

    def record(self, document: dict[str, object]) -> None:
        """Write platform.json in one piece: readers see the old one or the new one."""
        _write(self.platform_file, document)

    def write_clients(self, document: bytes) -> None:
        """Keep the services' own names and secrets at Cognito where tools and tests find them."""
        _write(self.clients_file, orjson.loads(document))

    def is_done(self, task: str) -> bool:
        """Tell whether `task`, which is for the first run only, was finished in an earlier run."""
        return (self.path / f"{task}.done").exists()

    def set_done(self, task: str) -> None:
        (self.path / f"{task}.done").touch()

    def _take_lock(self) -> None:
        self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._lock, 20, 0).decode().strip()
            raise CannotStart(
                f"TrueCrime already runs from this checkout (process {holder}): stop it first, "
                f"with Ctrl-C where it runs or kill {holder}."
            ) from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)

    def _refuse_a_full_disk(self) -> None:
        free = shutil.disk_usage(self.path).free
        if free < _NEEDED:
            raise CannotStart(
                f"The disk under {self.path} is full: {free // 1024**2} MB are left and TrueCrime needs "
                f"{_NEEDED // 1024**2} MB."
            )


def _read(file: Path) -> dict[str, object]:
    try:
        document = orjson.loads(file.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):  # cut short by a full disk: begin anew
        return {}
    return document if isinstance(document, dict) else {}


def _write(file: Path, document: object) -> None:
    draft = file.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as sink:
        sink.write(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    draft.replace(file)
