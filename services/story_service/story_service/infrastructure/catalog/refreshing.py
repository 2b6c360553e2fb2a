"""Keeps the index of this process near the catalog: packed anew now and then, and in between told of each change."""

import asyncio
import logging
import mmap
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from common_service.jobs import Job, pause
from story_service.application.catalog.read_catalog import Completions
from story_service.domain.catalog.entry import CatalogEntry, EntryType
from story_service.domain.catalog.index import CatalogIndex, packed
from story_service.domain.catalog.snapshot import Snapshot
from story_service.domain.story import TruthMode
from story_service.infrastructure.catalog.building import HORIZON, pack

log = logging.getLogger("catalog")
_FEW = 20_000  # a catalog of so many entries is packed in a thread, sooner than a process would start
_MOST_CHANGES = 2_000  # more of them, and all is packed anew
_LOOK_SECONDS = 2.0
_REST = 10.0  # after packing anew the refresher rests so many times as long as it took
_COUNT = "SELECT count(*) FROM (SELECT FROM story.catalog_entries LIMIT %s) AS first"
_CHANGES = (
    "SELECT type, id, title, popularity, truth_mode, visibility FROM story.catalog_entries"
    " WHERE changed_in >= %s AND changed_in < CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)"
    " ORDER BY changed_in LIMIT %s"
)
Changes = dict[tuple[str, UUID], CatalogEntry | None]


@dataclass(slots=True)
class CatalogRefresher:
    """Numbers of transactions say what is new. One may be told twice, and is never missed:

    a look begins at the oldest transaction that was open at the look before it.
    """

    database_url: str
    completions: Completions
    look_seconds: float = _LOOK_SECONDS
    few: int = _FEW
    rest: float = _REST
    _horizon: int = 0
    _base: Snapshot | None = None
    _changes: Changes = field(default_factory=dict)
    _rests_until: float = 0.0

    def job(self) -> Job:
        """Return the job. Until the first packing is done, and while this fails, the index stays as it is."""
        return Job("catalog-index", self.run)

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the catalog until `stop`."""
        while not stop.is_set():
            await self.look()
            await pause(stop, self.look_seconds)

    async def look(self) -> None:
        """Take in what has changed; or everything, at first and where too much has."""
        if self._base is None:
            await self._pack()
            return
        horizon, rows = await self._changed()
        if len(rows) > _MOST_CHANGES:
            if time.monotonic() >= self._rests_until:
                await self._pack()
            return
        changes = self._changes | {(row[0], row[1]): _entry_of(row) for row in rows}
        if len(changes) > _MOST_CHANGES and time.monotonic() >= self._rests_until:
            await self._pack()
        elif changes != self._changes:
            recent = await asyncio.to_thread(packed, [entry for entry in changes.values() if entry])
            gone = frozenset(entry_id.bytes for _, entry_id in changes)
            self._changes, self.completions.index = changes, CatalogIndex(self._base, recent, gone)
        self._horizon = max(self._horizon, horizon)

    async def _changed(self) -> tuple[int, list[TupleRow]]:
        async with await psycopg.AsyncConnection.connect(self.database_url, connect_timeout=3) as connection:
            await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            horizon = await (await connection.execute(HORIZON)).fetchone()
            assert horizon is not None
            found = await connection.execute(_CHANGES, [self._horizon, _MOST_CHANGES + 1])
            return int(horizon[0]), await found.fetchall()

    async def _pack(self) -> None:
        started = time.monotonic()
        async with await psycopg.AsyncConnection.connect(self.database_url, connect_timeout=3) as connection:
            count = await (await connection.execute(_COUNT, [self.few + 1])).fetchone()
        assert count is not None
        is_small = count[0] <= self.few
        horizon, base = await (asyncio.to_thread(self._packed_here) if is_small else self._packed_elsewhere())
        self._horizon, self._base, self._changes = horizon, base, {}
        self.completions.index = CatalogIndex(base)
        took = time.monotonic() - started
        self._rests_until = time.monotonic() + self.rest * took
        log.info("packed %d entries in %.2f s", len(base), took)

    def _packed_here(self) -> tuple[int, Snapshot]:
        horizon, image = pack(self.database_url)
        return horizon, Snapshot(b"".join(image))

    async def _packed_elsewhere(self) -> tuple[int, Snapshot]:
        """Have another process write the image, and map it: its pages are the file's, and nothing is copied."""
        with tempfile.NamedTemporaryFile(prefix="truecrime-catalog-") as file:
            words = (sys.executable, "-m", "story_service.infrastructure.catalog.building", file.name)
            pipe = asyncio.subprocess.PIPE
            process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe)
            try:
                told, _ = await process.communicate(self.database_url.encode())
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            if process.returncode != 0:
                raise RuntimeError(f"the catalog was not packed: exit code {process.returncode}")
            return int(told), await asyncio.to_thread(_mapped, Path(file.name))


def _mapped(path: Path) -> Snapshot:
    with path.open("rb") as file:
        return Snapshot(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _entry_of(row: TupleRow) -> CatalogEntry | None:
    name, entry_id, title, popularity, mode, visibility = row
    if visibility != "public":
        return None
    return CatalogEntry(
        EntryType(name), entry_id, title, popularity=popularity, truth_mode=TruthMode(mode) if mode else None
    )
