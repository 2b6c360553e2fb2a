"""Folders for servers that live for a test run."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - the folder made in it is new and ours
_ENOUGH = 2 * 1024**3


@contextlib.contextmanager
def passing_directory() -> Iterator[Path]:
    """Yield an empty folder that other users may enter, gone with the block; in memory where there is enough of it.

    Cloning a database is mostly copying files: on a disk it costs three times as much as in memory.
    """
    place = _MEMORY if _is_roomy(_MEMORY) else None
    with tempfile.TemporaryDirectory(prefix="truecrime-", dir=place, ignore_cleanup_errors=True) as name:
        directory = Path(name)
        directory.chmod(0o755)  # Postgres runs as another user when root runs the tests
        yield directory


def _is_roomy(place: Path) -> bool:
    return os.access(place, os.W_OK | os.X_OK) and shutil.disk_usage(place).free >= _ENOUGH
