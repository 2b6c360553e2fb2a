"""What the use cases need from outside: the read model in one transaction, and the services that own the truth."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import UUID

from admin_service.domain.entry import UserEntry
from admin_service.domain.events import ArchivedEvent

Clock = Callable[[], datetime]
Document = Mapping[str, Any]
"""Another service's own answer, passed on as it is."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended."""

    first_seen_at: datetime
    user_id: UUID


@dataclass(frozen=True, slots=True)
class Search:
    """Which people a page shows, the newest first; `text` begins an address or a name."""

    limit: int
    text: str | None = None
    plan: str | None = None
    state: str | None = None
    after: Position | None = None


class Directory(Protocol):
    """The index of people."""

    async def open(self, user_id: UUID, at: datetime) -> UserEntry:
        """Return a person's entry, a new one where there is none; nobody else changes it until this work ends."""
        ...

    async def save(self, entry: UserEntry) -> None:
        """Keep an entry that was opened."""
        ...

    async def of(self, user_id: UUID) -> UserEntry | None:
        """Return a person's entry."""
        ...

    async def find(self, search: Search) -> Sequence[UserEntry]:
        """Return the entries of one page."""
        ...


class UsageBook(Protocol):
    """What people used, by the hour."""

    async def add(self, user_id: UUID, hour: datetime, amounts: Mapping[str, int]) -> None:
        """Count one generation."""
        ...

    async def totals(self, user_ids: Sequence[UUID], meter: str, since: datetime) -> Mapping[UUID, int]:
        """Return what each of these people used of a meter since; who used nothing may be missing."""
        ...


class Archive(Protocol):
    """Every fact that came."""

    async def add(self, event: ArchivedEvent) -> None:
        """Keep a fact, once."""
        ...


class Work(Protocol):
    """One transaction: rolled back unless committed."""

    directory: Directory
    usage: UsageBook
    archive: Archive

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def commit(self) -> None:
        """Make it durable."""
        ...


StartWork = Callable[[], Work]


class SourceUnavailable(Exception):
    """A service that did not give a usable answer."""


class Source(Protocol):
    """One kind of document about a person, at the service that owns it."""

    async def of(self, user_id: UUID, actor_token: str) -> Document | None:
        """Return it, None where that service knows none; on behalf of this admin. Raises SourceUnavailable."""
        ...
