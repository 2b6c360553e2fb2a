"""Everything the stand-in knows, in one SQLite file: what was answered is written, a kill -9 loses nothing."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from sandbox.stripe.errors import JsonObject

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    customer TEXT,
    created INTEGER NOT NULL,
    due INTEGER,
    body TEXT NOT NULL,
    private TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS objects_of_kind ON objects (kind, seq);
CREATE INDEX IF NOT EXISTS objects_of_customer ON objects (customer, kind, seq);
CREATE INDEX IF NOT EXISTS objects_due ON objects (due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    request_id TEXT NOT NULL,
    status INTEGER NOT NULL,
    body BLOB NOT NULL,
    kept_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL,
    event_type TEXT NOT NULL,
    lane TEXT NOT NULL,
    state TEXT NOT NULL,
    due_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    forged INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS deliveries_pending ON deliveries (due_at, id) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS deliveries_of_event ON deliveries (event);
CREATE TABLE IF NOT EXISTS attempts (
    delivery INTEGER NOT NULL REFERENCES deliveries (id),
    at REAL NOT NULL,
    status INTEGER,
    error TEXT,
    milliseconds INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS attempts_of_delivery ON attempts (delivery);
"""


@dataclass(frozen=True, slots=True)
class Condition:
    """One constant SQL condition over a row of `objects` and its values."""

    sql: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A slice of a list, newest first."""

    bodies: list[JsonObject]
    has_more: bool


class Store:
    """Used from one thread at a time and never across an await: that is what makes requests serial."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.sql = sqlite3.connect(directory / "stripe.sqlite3", isolation_level=None, check_same_thread=False)
        self.sql.execute("PRAGMA journal_mode = WAL")
        self.sql.execute("PRAGMA synchronous = NORMAL")
        self.sql.executescript(_SCHEMA)
        columns = [row[1] for row in self.sql.execute("PRAGMA table_info(deliveries)")]
        if "forged" not in columns:
            self.sql.execute("ALTER TABLE deliveries ADD COLUMN forged INTEGER NOT NULL DEFAULT 0")

    def close(self) -> None:
        self.sql.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.sql.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.sql.execute("ROLLBACK")
            raise
        self.sql.execute("COMMIT")

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Inside a transaction: what happens here is computed and read, and then never was."""
        self.sql.execute("SAVEPOINT rehearsal")
        try:
            yield
        finally:
            self.sql.execute("ROLLBACK TO rehearsal")
            self.sql.execute("RELEASE rehearsal")

    def insert(self, body: JsonObject, *, due: int | None, private: JsonObject) -> None:
        row = (body["id"], body["object"], _customer_of(body), _created_of(body), due, _text(body), _text(private))
        self.sql.execute(
            "INSERT INTO objects (id, kind, customer, created, due, body, private) VALUES (?, ?, ?, ?, ?, ?, ?)", row
        )

    def replace(self, body: JsonObject, *, due: int | None) -> None:
        row = (_customer_of(body), due, _text(body), body["id"])
        self.sql.execute("UPDATE objects SET customer = ?, due = ?, body = ? WHERE id = ?", row)

    def find(self, object_id: str) -> JsonObject | None:
        row = self.sql.execute("SELECT body FROM objects WHERE id = ?", (object_id,)).fetchone()
        return orjson.loads(row[0]) if row else None

    def private(self, object_id: str) -> JsonObject:
        """What the stand-in remembers about an object and no answer shows."""
        row = self.sql.execute("SELECT private FROM objects WHERE id = ?", (object_id,)).fetchone()
        kept: JsonObject = orjson.loads(row[0])
        return kept

    def set_private(self, object_id: str, private: JsonObject) -> None:
        self.sql.execute("UPDATE objects SET private = ? WHERE id = ?", (_text(private), object_id))

    def page(
        self,
        kind: str,
        conditions: Sequence[Condition] = (),
        *,
        limit: int = 100,
        after: str | None = None,
        before: str | None = None,
    ) -> Page:
        """Newest first; `after` and `before` are ids of the same list and must exist."""
        wanted = [Condition("kind = ?", (kind,)), *conditions]
        if after is not None:
            wanted.append(Condition("seq < (SELECT seq FROM objects WHERE id = ?)", (after,)))
        if before is not None:
            wanted.append(Condition("seq > (SELECT seq FROM objects WHERE id = ?)", (before,)))
        where = " AND ".join(condition.sql for condition in wanted)
        direction = "DESC" if before is None else "ASC"
        query = f"SELECT body FROM objects WHERE {where} ORDER BY seq {direction} LIMIT ?"  # noqa: S608 - constants only
        values = [value for condition in wanted for value in condition.values]
        rows = self.sql.execute(query, (*values, limit + 1)).fetchall()
        bodies = [orjson.loads(row[0]) for row in rows[:limit]]
        return Page(bodies if before is None else bodies[::-1], has_more=len(rows) > limit)

    def next_due(self, until: int) -> tuple[int, JsonObject] | None:
        """The earliest thing that time brings up to `until`."""
        row = self.sql.execute(
            "SELECT due, body FROM objects WHERE due IS NOT NULL AND due <= ? ORDER BY due, seq LIMIT 1", (until,)
        ).fetchone()
        return (row[0], orjson.loads(row[1])) if row else None

    def setting(self, name: str) -> str | None:
        row = self.sql.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def set_setting(self, name: str, value: str) -> None:
        self.sql.execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", (name, value))


def _customer_of(body: JsonObject) -> str | None:
    owner = body.get("customer")
    return owner if isinstance(owner, str) else None


def _created_of(body: JsonObject) -> int:
    """Invoice items and discounts name their moment otherwise."""
    moment: int = next(body[name] for name in ("created", "date", "start") if name in body)
    return moment


def _text(value: JsonObject) -> str:
    return orjson.dumps(value).decode()
