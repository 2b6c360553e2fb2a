"""The library in memory, with the stories that a migrated database opens with."""
# ruff: noqa: ARG002 - the signatures are those of the port

import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from uuid import UUID

from story_service.application.library_ports import Found
from story_service.domain.ids import StoryId, UserId
from story_service.domain.library import HouseStory, LibraryStory, Position, Shelf, Sort
from story_service.domain.story import Origin, PublishState, Story, TruthMode

_MIGRATION = Path(__file__).parents[1] / "migrations" / "versions" / "0003_library.py"
OPENED = datetime(2026, 11, 21, tzinfo=UTC)


@cache
def starter() -> tuple[LibraryStory, ...]:
    """Return what the migration brings."""
    spec = importlib.util.spec_from_file_location("library_migration", _MIGRATION)
    assert spec is not None
    assert spec.loader is not None
    migration = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(migration)
    return tuple(
        LibraryStory(
            id=StoryId(UUID(story["id"])),
            author_id=None,
            origin=Origin.HOUSE,
            title=story["title"],
            synopsis=story["synopsis"],
            truth_mode=TruthMode(story["truth_mode"]),
            language="en",
            version=1,
            published_at=OPENED,
            body=story["body"],
        )
        for story in migration.starter_stories()
    )


@dataclass
class LibraryTables:
    shelf: dict[StoryId, LibraryStory] = field(default_factory=lambda: {story.id: story for story in starter()})
    seen: set[tuple[StoryId, UserId, date]] = field(default_factory=set)
    review: dict[StoryId, HouseStory] = field(default_factory=dict)
    views: dict[StoryId, int] = field(default_factory=dict)


class MemoryLibrary:
    def __init__(self, tables: LibraryTables, stories: dict[StoryId, Story]) -> None:
        self._tables = tables
        shown = {one.id: _shown(one, tables.views.get(one.id, 0)) for one in stories.values() if one.is_shown}
        self._shelf = {**tables.shelf, **{key: one for key, one in shown.items() if not stories[key].deleted_at}}

    async def page(self, shelf: Shelf, *, after: Position | None, most: int) -> Sequence[LibraryStory]:
        found = [story for story in self._shelf.values() if story.is_listed and _fits(story, shelf)]
        found.sort(key=lambda story: _key(story.position(shelf.sort)), reverse=shelf.sort is not Sort.TITLE)
        if after:
            here = _key(after)
            found = [
                story
                for story in found
                if (_key(story.position(shelf.sort)) > here) == (shelf.sort is Sort.TITLE)
                and _key(story.position(shelf.sort)) != here
            ]
        return [replace(story, body="") for story in found[:most]]

    async def find(self, story_id: StoryId, viewer: UserId, day: date) -> Found | None:
        story = self._shelf.get(story_id)
        return Found(story, (story_id, viewer, day) in self._tables.seen) if story else None

    async def view(self, story_id: StoryId, viewer: UserId, now: datetime) -> int | None:
        view = (story_id, viewer, now.date())
        if view in self._tables.seen:
            return None
        self._tables.seen.add(view)
        views = self._tables.views[story_id] = self._shelf[story_id].views + 1
        if story_id in self._tables.shelf:
            self._tables.shelf[story_id] = replace(self._tables.shelf[story_id], views=views)
        return views

    async def forget_viewers(self, before: date, most: int) -> int:
        old = [view for view in self._tables.seen if view[2] < before][:most]
        self._tables.seen.difference_update(old)
        return len(old)

    async def open_counter(self, story_id: StoryId, now: datetime) -> None: ...

    async def submit(self, story: HouseStory) -> None:
        self._tables.review[story.id] = story

    async def waiting(self, most: int) -> Sequence[HouseStory]:
        return sorted(self._tables.review.values(), key=lambda story: (story.created_at, story.id))[:most]

    async def waits(self, story_id: StoryId) -> HouseStory | None:
        return self._tables.review.get(story_id)

    async def publish(self, story_id: StoryId, now: datetime) -> None:
        story = self._tables.review.pop(story_id)
        self._tables.shelf[story_id] = LibraryStory(
            id=story_id,
            author_id=None,
            origin=Origin.HOUSE,
            title=story.title,
            synopsis=story.synopsis,
            truth_mode=story.truth_mode,
            language="en",
            version=2,
            published_at=now,
            body=story.body,
        )

    async def turn_down(self, story_id: StoryId, now: datetime) -> None:
        del self._tables.review[story_id]


def _shown(story: Story, views: int) -> LibraryStory:
    assert story.published_at is not None
    return LibraryStory(
        story.id,
        story.user_id,
        story.origin,
        story.title,
        story.synopsis,
        story.truth_mode,
        story.language,
        story.version,
        story.published_at,
        views,
        story.body,
        story.source,
        story.publish_state is PublishState.PUBLISHED,
    )


def _fits(story: LibraryStory, shelf: Shelf) -> bool:
    words = set(re.findall(r"\w+", f"{story.title} {story.synopsis}".lower()))
    wanted = set(re.findall(r"\w+", (shelf.words or "").lower()))
    return wanted <= words and shelf.truth_mode in (None, story.truth_mode)


def _key(position: Position) -> tuple[str | float, str]:
    key, story_id = position
    if isinstance(key, datetime):
        return key.timestamp(), str(story_id)
    return key.lower() if isinstance(key, str) else key, str(story_id)
