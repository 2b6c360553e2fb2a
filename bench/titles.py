"""Made-up titles, what people type of them, and the two peers that look them up."""

import random
import sqlite3
from collections.abc import Iterator
from uuid import UUID

import psycopg

from story_service.domain.catalog.typos import is_near

Row = tuple[UUID, str, str, int]
"""Id, title, key, popularity."""
_OPENINGS = (
    "The Last", "A Quiet", "Murder at", "The Secret of", "Night in", "Death on", "The Ghost of", "Seven Keys for",
    "Signal from", "The Girl in", "Nobody Left", "The Trial of", "Under", "The Man from", "Cold", "Two Days in",
)  # fmt: skip
_SYLLABLES = (
    *("ka", "lo", "mir", "ten", "var", "gor", "bel", "sha", "ri", "no", "del", "fen", "gar", "hol", "jas", "kel"),
    *("mar", "nor", "pol", "qui", "ros", "sil", "tam", "ul", "vel", "wen", "yor", "zed", "an"),
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SIMILARITY = 0.4  # the default of 0.3 finds the same with more work
_PREFIXED = "SELECT id FROM titles WHERE key >= ? AND key < ? ORDER BY popularity DESC, id DESC LIMIT 10"
_COPY = "COPY story.catalog_entries (type, id, title, key, popularity, changed_at) FROM STDIN"
_SIMILAR = (
    "SELECT id, key FROM story.catalog_entries WHERE key %% %s"
    " ORDER BY similarity(key, %s) DESC, popularity DESC, id DESC LIMIT 10"
)


def made(count: int, chance: random.Random) -> Iterator[Row]:
    """Yield titles, few of them popular."""
    words = ["".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4))).capitalize() for _ in range(40_000)]
    for number in range(1, count + 1):
        title = f"{chance.choice(_OPENINGS)} {' '.join(chance.choices(words, k=chance.randint(1, 3)))}"
        yield UUID(int=number), title, title.lower(), int(chance.paretovariate(1))


def with_a_typo(text: str, chance: random.Random) -> str:
    """Return a text with a wrong letter, one left out, one too many, or two turned round."""
    at, letter = chance.randrange(len(text) - 1), chance.choice(_LETTERS)
    left, right = text[:at], text[at:]
    ways = (left + letter + right[1:], left + right[1:], left + letter + right, left + right[1] + right[0] + right[2:])
    return chance.choice(ways)


class Sqlite:
    """An index that holds all that is asked for."""

    def __init__(self, path: str, rows: list[Row]) -> None:
        self._connection = sqlite3.connect(path)
        self._connection.execute("PRAGMA cache_size = -262144")
        self._connection.execute("CREATE TABLE titles (id BLOB, key TEXT, popularity INTEGER)")
        added = ((entry_id.bytes, key, popularity) for entry_id, _, key, popularity in rows)
        self._connection.executemany("INSERT INTO titles VALUES (?, ?, ?)", added)
        self._connection.execute("CREATE INDEX by_key ON titles (key, popularity DESC, id)")
        self._connection.execute("ANALYZE")

    def complete(self, typed: str) -> list[int]:
        """Return the ten most popular that begin so."""
        found = self._connection.execute(_PREFIXED, (typed, typed + "\x7f"))
        return [int.from_bytes(entry_id, "big") for (entry_id,) in found]


class Trigrams:
    """Postgres with pg_trgm. Raises psycopg.Error where the server does not have it."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        self._connection.execute("CREATE INDEX bench_trigrams ON story.catalog_entries USING gin (key gin_trgm_ops)")
        self._connection.execute(f"SET pg_trgm.similarity_threshold = {_SIMILARITY}".encode())
        self._connection.execute("VACUUM ANALYZE story.catalog_entries")

    def near(self, typed: str) -> set[int]:
        """Return those of the ten most similar that are one typo away."""
        found = self._connection.execute(_SIMILAR, [typed, typed]).fetchall()
        return {entry_id.int for entry_id, key in found if is_near(key, typed)}

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()


def copy(url: str, rows: list[Row]) -> None:
    """Fill the catalog. Indexes that only a search needs are left out of this run."""
    with psycopg.connect(url) as connection:
        for index in ("search", "changed_in", "key"):
            connection.execute(f"DROP INDEX story.ix_catalog_entries_{index}".encode())
        connection.execute("DELETE FROM story.catalog_entries")
        with connection.cursor().copy(_COPY) as lines:
            for entry_id, title, key, popularity in rows:
                lines.write_row(("title", entry_id, title, key, popularity, "2026-11-21T00:00:00Z"))
