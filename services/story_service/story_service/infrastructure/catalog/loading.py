"""Loads many titles at once: by COPY into a table of the session, from there into the catalog, a batch a commit."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from uuid import NAMESPACE_URL, UUID, uuid5

import psycopg

from story_service.domain.catalog.folding import fold, key_of

_BATCH = 20_000
_NAMESPACE = uuid5(NAMESPACE_URL, "urn:truecrime:catalog:title")
_STAGE = (
    "CREATE TEMPORARY TABLE loaded (id uuid, title text, key text, summary text, language text, popularity bigint,"
    " line bigint) ON COMMIT DELETE ROWS"
)
_COPY = "COPY loaded (id, title, key, summary, language, popularity, line) FROM STDIN"
_MERGE = """
WITH merged AS (
  INSERT INTO story.catalog_entries AS entry (type, id, title, key, summary, language, popularity, changed_at)
  SELECT DISTINCT ON (id) 'title', id, title, key, summary, language, popularity, now()
  FROM loaded ORDER BY id, line DESC
  ON CONFLICT (type, id) DO UPDATE SET title = excluded.title, key = excluded.key, summary = excluded.summary,
    language = excluded.language, popularity = excluded.popularity, visibility = 'public', changed_at = now(),
    changed_in = CAST(CAST(pg_current_xact_id() AS text) AS bigint)
  WHERE (entry.title, entry.key, entry.summary, entry.language, entry.popularity, entry.visibility) IS DISTINCT FROM
    (excluded.title, excluded.key, excluded.summary, excluded.language, excluded.popularity, 'public')
  RETURNING (xmax = 0) AS is_new)
SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new),
  (SELECT count(DISTINCT id) FROM loaded) - count(*) FROM merged
"""


@dataclass(frozen=True, slots=True)
class LoadedTitle:
    """A line of a file. Without an id a title has one that follows from its words: loading it again finds it."""

    title: str
    id: UUID | None = None
    summary: str = ""
    language: str | None = None
    popularity: int = 0


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of some lines."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: "Loaded") -> "Loaded":
        return Loaded(self.new + other.new, self.changed + other.changed, self.unchanged + other.unchanged)


def load(database_url: str, titles: Iterable[LoadedTitle]) -> Iterator[Loaded]:
    """Load titles, and yield the sums after each batch. What was committed stays when a later batch fails."""
    remaining, total = iter(titles), Loaded()
    with psycopg.connect(database_url, connect_timeout=3) as connection:
        connection.execute(_STAGE)
        connection.commit()
        while batch := list(islice(remaining, _BATCH)):
            total += _load(connection, batch)
            connection.commit()
            yield total


def _load(connection: psycopg.Connection, batch: Sequence[LoadedTitle]) -> Loaded:
    with connection.cursor() as cursor:
        with cursor.copy(_COPY) as copy:
            for line, one in enumerate(batch):
                key = key_of(one.title)
                entry_id = one.id or uuid5(_NAMESPACE, key)
                copy.write_row((entry_id, one.title, key, fold(one.summary), one.language, one.popularity, line))
        counted = cursor.execute(_MERGE).fetchone()
    assert counted is not None
    return Loaded(*counted)
