"""The service's stores in memory: a work sees a copy, commits it whole, and really forgets it otherwise."""
# ruff: noqa: ARG002 - the signatures are those of the ports

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from common_service.idempotency import IdempotencyKeyReused
from common_service.testing_copies import copy_of
from services.story_service.tests.memory_catalog import MemoryCatalog
from services.story_service.tests.memory_characters import MemoryCharacterAttempts, MemoryCharacters
from services.story_service.tests.memory_generations import MemoryGenerations
from services.story_service.tests.memory_library import MemoryLibrary
from services.story_service.tests.memory_revisions import MemoryAnalyses, MemoryCloneAttempts, MemoryRevisions
from services.story_service.tests.memory_tables import MemoryUsageBook, Tables
from story_service.application.analysing.ports import Analyses
from story_service.application.attempts import AttemptKey
from story_service.application.cases.reading import CaseReader
from story_service.application.catalog.ports import Catalog
from story_service.application.character_ports import CharacterAttempts, Characters
from story_service.application.library_ports import Library
from story_service.application.model_ports import Models
from story_service.application.ports import (
    Acceptance,
    Attempts,
    Generations,
    Stories,
    UsageBook,
)
from story_service.application.publishing.ports import CloneAttempts
from story_service.application.revisions.ports import Revisions
from story_service.application.story_kind import WITHOUT_WORDS
from story_service.domain.cases.case_file import CaseFile
from story_service.domain.continuing.continuation import CONTINUATION, REWRITE
from story_service.domain.events import Event
from story_service.domain.generation import Generation
from story_service.domain.ids import StoryId, UserId
from story_service.domain.moderation import Decision
from story_service.domain.pricing import CatalogModel
from story_service.domain.publishing.publishing import is_pinned
from story_service.domain.story import Story, StoryState

open_works: ContextVar[int] = ContextVar("open_works", default=0)
MODELS = {
    "gpt-5-mini": CatalogModel("gpt-5-mini", "openai", "standard", 250_000, 2_000_000, 1000, 400_000, 128_000, rank=1),
    "gpt-5": CatalogModel("gpt-5", "openai", "premium", 1_250_000, 10_000_000, 5000, 400_000, 128_000, rank=1),
}


def assert_no_open_work() -> None:
    """Fail a network call that is made while this task holds a transaction."""
    assert open_works.get() == 0, "a network port is called inside a transaction"


class MemoryDatabase:
    """One work at a time, as if every transaction were serial."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.models = MODELS
        self.turn = asyncio.Lock()

    def work(self) -> "MemoryWork":
        return MemoryWork(self)


class MemoryWork:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def __aenter__(self) -> Self:
        await self._database.turn.acquire()
        open_works.set(open_works.get() + 1)
        tables = self._tables = copy_of(self._database.tables)
        self.attempts: Attempts = MemoryAttempts(tables)
        self.models: Models = MemoryModels(self._database.models)
        self.stories: Stories = MemoryStories(tables)
        self.case_files: CaseReader = MemoryCaseFiles(tables.case_files)
        self.character_attempts: CharacterAttempts = MemoryCharacterAttempts(tables.characters)
        self.catalog: Catalog = MemoryCatalog(tables.catalog)
        self.characters: Characters = MemoryCharacters(tables.characters)
        self.clones: CloneAttempts = MemoryCloneAttempts(tables.clones)
        self.revisions: Revisions = MemoryRevisions(tables.revisions)
        self.analyses: Analyses = MemoryAnalyses(tables.analyses)
        self.library: Library = MemoryLibrary(tables.library, tables.stories)
        self.generations: Generations = MemoryGenerations(tables)
        self.usage: UsageBook = MemoryUsageBook(tables)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        open_works.set(open_works.get() - 1)
        self._database.turn.release()

    async def record(self, decision: Decision) -> None:
        self._tables.decisions.append(decision)

    async def tell(self, *events: Event) -> None:
        self._tables.facts.extend(events)

    async def together(self, *wanted: Awaitable[Any]) -> list[Any]:
        outcomes = await asyncio.gather(*wanted, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return outcomes

    async def commit(self) -> None:
        self._database.tables = self._tables


class MemoryCaseFiles:
    def __init__(self, files: dict[UUID, CaseFile]) -> None:
        self._files = files

    async def find(self, case_id: UUID) -> CaseFile | None:
        return self._files.get(case_id)


class MemoryAttempts:
    def __init__(self, tables: Tables) -> None:
        self._kept = tables.attempts

    async def answer(self, user_id: UserId, route: str, key: AttemptKey, now: datetime) -> Acceptance | None:
        digest, acceptance = self._kept.get((user_id, route, key.value), (key.digest, None))
        if digest != key.digest:
            raise IdempotencyKeyReused
        return acceptance

    async def claim(self, user_id: UserId, route: str, key: AttemptKey, now: datetime) -> Acceptance | None:
        acceptance = await self.answer(user_id, route, key, now)
        self._kept.setdefault((user_id, route, key.value), (key.digest, None))
        return acceptance

    async def keep(self, user_id: UserId, route: str, key: AttemptKey, acceptance: Acceptance) -> None:
        plain = tuple(replace(generation, request={}) for generation in acceptance.generations)
        self._kept[user_id, route, key.value] = (key.digest, Acceptance(plain, acceptance.said))


class MemoryModels:
    def __init__(self, models: Mapping[str, CatalogModel]) -> None:
        self._models = models

    async def offered(self, model: str, now: datetime) -> CatalogModel | None:
        return self._models.get(model)

    async def offers(self, now: datetime) -> list[CatalogModel]:
        return [self._models[name] for name in sorted(self._models)]

    async def billed(self, model: str, at: datetime) -> CatalogModel | None:
        return self._models.get(model)

    async def held(self, models: Sequence[str], at: datetime) -> list[CatalogModel]:
        return [self._models[name] for name in models]


class MemoryStories:
    def __init__(self, tables: Tables) -> None:
        self._tables, self._stories = tables, tables.stories

    async def add(self, story: Story) -> None:
        self._stories[story.id] = story

    async def find(self, story_id: StoryId, *, lock: bool = False) -> Story | None:
        story = self._stories.get(story_id)
        return None if story is None or story.deleted_at else story

    async def latest_of(self, user_id: UserId) -> Story | None:
        return next((story for story in self._of(user_id) if story.is_latest), None)

    async def of(self, user_id: UserId, *, before: tuple[datetime, UUID] | None, most: int) -> list[Story]:
        return [s for s in self._of(user_id) if before is None or (s.created_at, s.id) < before][:most]

    async def keep(self, story: Story) -> None:
        if story.is_latest:
            for other in self._of(story.user_id):
                self._stories[other.id] = replace(other, is_latest=False)
        self._stories[story.id] = story

    async def purge(self, user_id: UserId, retained: int) -> int:
        written = [s for s in self._of(user_id) if s.state is not StoryState.GENERATING and not is_pinned(s)]
        ready = [story for story in written if story.state is StoryState.READY]
        kept = {story.id for story in sorted(ready, key=lambda story: not story.is_latest)[:retained]}
        gone = [story.id for story in written if story.id not in kept]
        for story_id in gone:
            self._forget(self._stories.pop(story_id))
        return len(gone)

    async def pinned_of(self, user_id: UserId) -> int:
        return sum(is_pinned(story) for story in self._of(user_id))

    async def delete(self, story: Story, now: datetime) -> None:
        self._stories[story.id] = replace(story, deleted_at=now, updated_at=now, is_latest=False)
        ready = [s for s in self._of(story.user_id) if s.state is StoryState.READY and s.generation_id]
        if story.is_latest and ready:
            self._stories[ready[0].id] = replace(ready[0], is_latest=True)

    async def purge_deleted(self, deleted_before: datetime, most: int) -> int:
        old = [s for s in self._stories.values() if s.deleted_at and s.deleted_at < deleted_before][:most]
        for story in old:
            self._forget(self._stories.pop(story.id))
        return len(old)

    def _forget(self, story: Story) -> None:
        rows = self._tables.generations
        for row in [row for row in rows.values() if row.id == story.generation_id or _continues(row, story)]:
            rows[row.id] = replace(row, request={**row.request, **WITHOUT_WORDS})

    def _of(self, user_id: UserId) -> list[Story]:
        own = [story for story in self._stories.values() if story.user_id == user_id and not story.deleted_at]
        return sorted(own, key=lambda story: (story.created_at, story.id), reverse=True)


def _continues(row: Generation, story: Story) -> bool:
    return row.target.id == story.id and row.kind in (CONTINUATION, REWRITE)
