"""The world without Postgres and without the other services: a store that really rolls back, sources that obey."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from uuid import UUID, uuid4

from admin_service.application.ports import (
    Archive,
    Directory,
    Document,
    Search,
    SourceUnavailable,
    UsageBook,
)
from admin_service.domain.entry import UserEntry
from admin_service.domain.events import AccessSeen, ArchivedEvent, PersonSeen
from common_events.envelope import Envelope
from common_service.ids import uuid7
from common_service.testing_copies import copy_of

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def a_person_seen(user_id: UUID, version: int = 1, **values: Any) -> PersonSeen:
    standard: dict[str, Any] = {
        "at": NOON,
        "email": f"v{version}@truecrime.test",
        "display_name": f"Version {version}",
        "status": "active",
    }
    return PersonSeen(user_id=user_id, version=version, **(standard | values))


def an_access_seen(user_id: UUID, version: int = 1, **values: Any) -> AccessSeen:
    standard: dict[str, Any] = {"at": NOON, "plan_code": "pro", "state": "active", "is_entitled": True}
    return AccessSeen(user_id=user_id, version=version, **(standard | values))


def an_entry(**values: Any) -> UserEntry:
    standard: dict[str, Any] = {"user_id": uuid4(), "first_seen_at": NOON}
    return UserEntry(**(standard | values))


def an_envelope(kind: str, subject: UUID | None, data: dict[str, Any], **values: Any) -> Envelope:
    standard: dict[str, Any] = {
        "id": uuid7(),
        "source": "user",
        "schema_version": 1,
        "time": NOON,
        "partition_key": str(subject),
        "aggregate_version": data.get("version", 1),
        "correlation_id": None,
        "causation_id": None,
        "traceparent": None,
    }
    return Envelope(type=kind, subject=subject, data=data, **(standard | values))


@dataclass(slots=True)
class Content:
    """What the memory world has kept."""

    entries: dict[UUID, UserEntry] = field(default_factory=dict)
    hours: dict[tuple[UUID, datetime, str], int] = field(default_factory=dict)
    events: dict[UUID, ArchivedEvent] = field(default_factory=dict)


@dataclass(slots=True)
class MemoryDirectory:
    content: Content

    async def open(self, user_id: UUID, at: datetime) -> UserEntry:
        return self.content.entries.setdefault(user_id, UserEntry(user_id, at))

    async def save(self, entry: UserEntry) -> None:
        self.content.entries[entry.user_id] = entry

    async def of(self, user_id: UUID) -> UserEntry | None:
        return self.content.entries.get(user_id)

    async def find(self, search: Search) -> Sequence[UserEntry]:
        entries = sorted(self.content.entries.values(), key=lambda e: (e.first_seen_at, e.user_id), reverse=True)
        return [entry for entry in entries if self._fits(entry, search)][: search.limit]

    def _fits(self, entry: UserEntry, search: Search) -> bool:
        names = [(entry.email or "").lower(), (entry.display_name or "").lower()]
        after = search.after
        return (
            (search.text is None or any(name.startswith(search.text.lower()) for name in names))
            and (search.plan is None or entry.plan_code == search.plan)
            and (search.state is None or entry.access_state == search.state)
            and (after is None or (entry.first_seen_at, entry.user_id) < (after.first_seen_at, after.user_id))
        )


@dataclass(slots=True)
class MemoryUsage:
    content: Content

    async def add(self, user_id: UUID, hour: datetime, amounts: Mapping[str, int]) -> None:
        for meter, amount in amounts.items():
            key = (user_id, hour, meter)
            self.content.hours[key] = self.content.hours.get(key, 0) + amount

    async def totals(self, user_ids: Sequence[UUID], meter: str, since: datetime) -> Mapping[UUID, int]:
        totals: dict[UUID, int] = {}
        for (user_id, hour, of_meter), amount in self.content.hours.items():
            if user_id in user_ids and of_meter == meter and hour >= since:
                totals[user_id] = totals.get(user_id, 0) + amount
        return totals


@dataclass(slots=True)
class MemoryArchive:
    content: Content

    async def add(self, event: ArchivedEvent) -> None:
        self.content.events.setdefault(event.event_id, event)


class MemoryWork:
    """Works on a copy, one work at a time: commit puts the copy in the place of the original."""

    directory: Directory
    usage: UsageBook
    archive: Archive

    def __init__(self, world: "World") -> None:
        self._world = world

    async def __aenter__(self) -> Self:
        await self._world.turn.acquire()
        self._world.open += 1
        self._copy = copy_of(self._world.content)
        self.directory, self.usage = MemoryDirectory(self._copy), MemoryUsage(self._copy)
        self.archive = MemoryArchive(self._copy)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._world.open -= 1
        self._world.turn.release()

    async def commit(self) -> None:
        self._world.content = copy_of(self._copy)


@dataclass(slots=True)
class FakeSource:
    """Another service: it answers what it is told, late, or not at all."""

    world: "World"
    document: Document | None = None
    seconds: float = 0.0
    is_down: bool = False
    meeting: asyncio.Barrier | None = None
    asked: list[tuple[UUID, str]] = field(default_factory=list)

    async def of(self, user_id: UUID, actor_token: str) -> Document | None:
        assert self.world.open == 0, "no network inside a unit of work"
        self.asked.append((user_id, actor_token))
        if self.meeting is not None:
            await self.meeting.wait()
        await asyncio.sleep(self.seconds)
        if self.is_down:
            raise SourceUnavailable
        return self.document


class World:
    """All that is kept, and the services around."""

    def __init__(self) -> None:
        self.content, self.turn, self.open = Content(), asyncio.Lock(), 0
        self.sources = {
            "profile": FakeSource(self, {"id": "…", "email": "ann@truecrime.test"}),
            "access": FakeSource(self, {"state": "active", "entitled": True}),
            "billing": FakeSource(self, {"customer": {}, "subscription": {}, "invoices": []}),
            "usage": FakeSource(self, {"meters": [], "totals": {}}),
        }

    def work(self) -> MemoryWork:
        return MemoryWork(self)
