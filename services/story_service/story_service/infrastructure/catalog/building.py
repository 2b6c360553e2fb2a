"""Packs the whole catalog into a file: `python -m story_service.infrastructure.catalog.building FILE`.

The address of the database comes by standard input, what is packed is told on standard output. It is a process of its
own, so that the one that answers requests goes on with them meanwhile.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import psycopg

from story_service.domain.catalog.snapshot import Packer

# Transactions below this number had ended when the snapshot was taken: it holds what they did.
HORIZON = "SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)"
_ENTRIES = (
    "SELECT type, uuid_send(id), title, key, popularity, truth_mode FROM story.catalog_entries"
    " WHERE visibility = 'public' ORDER BY popularity DESC, id DESC"
)
_AT_ONCE = 5000


def pack(database_url: str) -> tuple[int, Iterable[bytes | memoryview]]:
    """Return up to which transaction the image knows all, and the image."""
    packer = Packer()
    with psycopg.connect(database_url, connect_timeout=3) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        horizon = connection.execute(HORIZON).fetchone()
        assert horizon is not None
        with connection.cursor("entries", binary=True) as cursor:
            cursor.itersize = _AT_ONCE
            for entry in cursor.execute(_ENTRIES):
                packer.add(entry)
    return int(horizon[0]), packer.image()


def main() -> None:
    """Write the file."""
    os.nice(10)
    horizon, image = pack(sys.stdin.read())
    with Path(sys.argv[1]).open("wb") as file:
        file.writelines(image)
    sys.stdout.write(f"{horizon}\n")


if __name__ == "__main__":
    main()
