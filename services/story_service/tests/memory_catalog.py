"""The catalog in memory, with what a migrated database opens with."""
# ruff: noqa: ARG002 - the signatures are those of the port

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

from services.story_service.tests.memory_library import starter
from story_service.application.catalog.ports import Place
from story_service.domain.catalog.entry import CatalogEntry, EntryType, Hit
from story_service.domain.catalog.folding import fold

_FILE = Path(__file__).parents[1] / "migrations" / "starter" / "investigators.json"
Key = tuple[EntryType, UUID]


def opening() -> dict[Key, CatalogEntry]:
    """Return what the migrations bring."""
    stories = (
        CatalogEntry(EntryType.STORY, story.id, story.title, story.synopsis, truth_mode=story.truth_mode)
        for story in starter()
    )
    house = json.loads(_FILE.read_text(encoding="utf-8"))
    people = (CatalogEntry(EntryType.CHARACTER, UUID(one["id"]), one["name"], one["role"]) for one in house)
    return {(entry.type, entry.id): entry for entry in (*stories, *people)}


@dataclass
class CatalogTables:
    entries: dict[Key, CatalogEntry] = field(default_factory=opening)


class MemoryCatalog:
    def __init__(self, tables: CatalogTables) -> None:
        self._entries = tables.entries

    async def put(self, entry: CatalogEntry, now: datetime) -> None:
        old = self._entries.get((entry.type, entry.id), entry)
        self._entries[entry.type, entry.id] = replace(entry, popularity=old.popularity)

    async def remove(self, entry_type: EntryType, entry_id: UUID, now: datetime) -> None:
        self._entries.pop((entry_type, entry_id), None)

    async def search(
        self, words: Sequence[Sequence[str]], types: Sequence[EntryType], *, after: Place | None, most: int
    ) -> Sequence[Hit]:
        def fits(entry: CatalogEntry) -> bool:
            known = set(fold(f"{entry.title} {entry.summary}").split())
            return entry.type in types and all(known & set(group) for group in words)

        found = _hits(entry for entry in self._entries.values() if fits(entry))
        return [hit for hit in found if after is None or hit.place < after][:most]

    async def complete(self, typed: str, most: int) -> Sequence[Hit]:
        return _hits(entry for entry in self._entries.values() if entry.key.startswith(typed))[:most]

    async def popular(self, types: Sequence[EntryType], most: int) -> Sequence[Hit]:
        return _hits(entry for entry in self._entries.values() if entry.type in types)[:most]

    async def count_views(self, now: datetime, most: int) -> int:
        return 0

    async def forget_removed(self, before: datetime, most: int) -> int:
        return 0


def _hits(entries: Iterable[CatalogEntry]) -> list[Hit]:
    hits = [Hit(one.type, one.id, one.title, one.popularity, one.truth_mode) for one in entries]
    return sorted(hits, key=lambda hit: hit.place, reverse=True)
