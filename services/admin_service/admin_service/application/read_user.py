"""Everything about one person in one answer, asked of all services at once, within a budget."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from admin_service.application.ports import Document, Source, SourceUnavailable, StartWork
from admin_service.domain.entry import UserEntry
from admin_service.domain.errors import UnknownUser

_PROFILE = "profile"


@dataclass(frozen=True, slots=True)
class Overview:
    """What is known of a person. A section named in `partial` could not be read: its absence says nothing."""

    profile: Document | None
    access: Document | None
    billing: Document | None
    usage: Document | None
    partial: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadUser:
    """Asks every service about a person. One that is slow or down costs its section, not the answer."""

    start_work: StartWork
    sources: Mapping[str, Source]
    budget_seconds: float = 2.0

    async def __call__(self, user_id: UUID, actor_token: str) -> Overview:
        """Return what came in time. Raises UnknownUser where neither user_service nor the read model know the id."""
        async with self.start_work() as work:
            entry = await work.directory.of(user_id)
        found, partial = await self._ask_all(user_id, actor_token)
        if entry is None and found.get(_PROFILE) is None and _PROFILE not in partial:
            raise UnknownUser
        return Overview(
            profile=found.get(_PROFILE) or _indexed(entry),
            access=found.get("access"),
            billing=found.get("billing"),
            usage=found.get("usage"),
            partial=partial,
        )

    async def _ask_all(self, user_id: UUID, actor_token: str) -> tuple[dict[str, Document | None], tuple[str, ...]]:
        """Return the answers by section, and the sections without one."""
        tasks = {
            name: asyncio.create_task(source.of(user_id, actor_token), name=name)
            for name, source in self.sources.items()
        }
        try:
            await asyncio.wait(tasks.values(), timeout=self.budget_seconds)
        finally:
            for task in tasks.values():
                task.cancel()
        outcomes = dict(zip(tasks, await asyncio.gather(*tasks.values(), return_exceptions=True), strict=True))
        return _sorted_out(outcomes)


def _sorted_out(outcomes: Mapping[str, Any]) -> tuple[dict[str, Document | None], tuple[str, ...]]:
    found: dict[str, Document | None] = {}
    for name, outcome in outcomes.items():
        if isinstance(outcome, BaseException):
            if not isinstance(outcome, SourceUnavailable | asyncio.CancelledError):
                raise outcome
        else:
            found[name] = outcome
    return found, tuple(name for name in outcomes if name not in found)


def _indexed(entry: UserEntry | None) -> Document | None:
    return None if entry is None else entry.profile()
