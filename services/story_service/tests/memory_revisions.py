"""Revisions, analyses and clones in memory."""
# ruff: noqa: ARG002 - the signatures are those of the ports

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from common_service.idempotency import IdempotencyKeyReused
from story_service.application.attempts import AttemptKey
from story_service.domain.analysing.analysis import Analysis
from story_service.domain.ids import StoryId, UserId
from story_service.domain.revisions.revision import Revision, RevisionLine, line
from story_service.domain.story import Story


class MemoryRevisions:
    def __init__(self, rows: dict[StoryId, list[Revision]]) -> None:
        self._rows = rows

    async def of(self, story_id: StoryId) -> Sequence[RevisionLine]:
        return [line(revision) for revision in reversed(self._rows.get(story_id, []))]

    async def find(self, story_id: StoryId, version: int) -> Revision | None:
        return next((one for one in self._rows.get(story_id, []) if one.version == version), None)

    async def has(self, story_id: StoryId) -> bool:
        return story_id in self._rows

    async def add(self, *revisions: Revision) -> None:
        for revision in revisions:
            self._rows.setdefault(revision.story_id, []).append(revision)

    async def forget(self, story_id: StoryId, kept: int) -> None:
        self._rows[story_id] = self._rows[story_id][-kept:]


class MemoryAnalyses:
    def __init__(self, rows: list[Analysis]) -> None:
        self._rows = rows

    async def of(self, story_id: StoryId, text_sha256: bytes) -> Sequence[Analysis]:
        found = [one for one in self._rows if (one.story_id, one.text_sha256) == (story_id, text_sha256)]
        return sorted(found, key=lambda one: one.kind)

    async def keep(self, *analyses: Analysis) -> None:
        for one in analyses:
            if one.kind not in {known.kind for known in await self.of(one.story_id, one.text_sha256)}:
                self._rows.append(one)


class MemoryCloneAttempts:
    def __init__(self, kept: dict[tuple[UserId, str], tuple[bytes, Story | None]]) -> None:
        self._kept = kept

    async def answer(self, user_id: UserId, key: AttemptKey, now: datetime) -> Story | None:
        digest, story = self._kept.get((user_id, key.value), (key.digest, None))
        if digest != key.digest:
            raise IdempotencyKeyReused
        return story

    async def claim(self, user_id: UserId, key: AttemptKey, now: datetime) -> Story | None:
        story = await self.answer(user_id, key, now)
        self._kept.setdefault((user_id, key.value), (key.digest, None))
        return story

    async def keep(self, user_id: UserId, key: AttemptKey, story: Story) -> None:
        self._kept[user_id, key.value] = (key.digest, replace(story, body="", synopsis=""))
