"""The world without Postgres and Cognito: stores that really roll back, and an issuer that says what it is told."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self
from uuid import UUID, uuid4

from common_service.testing_copies import copy_of
from services.user_service.tests.memory_notices import MemoryChoices, MemoryMessages, MemoryNotifications, Queued
from user_service.application.notice_ports import Messages, NoticeChoices, Notifications
from user_service.application.ports import (
    Events,
    PendingSuspension,
    PendingSuspensions,
    Profiles,
    Roles,
    Search,
    SettingsBook,
)
from user_service.domain.errors import EmailInUse, IdentityProviderUnavailable, IdTokenInvalid
from user_service.domain.events import Event
from user_service.domain.identity import Identity
from user_service.domain.notification import Notification, Preferences
from user_service.domain.profile import Profile, UserId
from user_service.domain.reading_settings import ReadingSettings
from user_service.domain.role import Role

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def a_user_id() -> UserId:
    return UserId(uuid4())


def a_profile(user_id: UUID | None = None, **values: Any) -> Profile:
    user_id = UserId(user_id or uuid4())
    standard: dict[str, Any] = {
        "username": "ann",
        "email": f"{user_id}@truecrime.test",
        "email_verified": True,
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Profile(id=user_id, **(standard | values))


def an_identity(email: str = "ann@truecrime.test", *, verified: bool = True) -> Identity:
    return Identity("ann", email, verified)


@dataclass(slots=True)
class Content:
    """What the memory world has kept."""

    profiles: dict[UserId, Profile] = field(default_factory=dict)
    settings: dict[UserId, ReadingSettings] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    notifications: list[Notification] = field(default_factory=list)
    choices: dict[UserId, Preferences] = field(default_factory=dict)
    messages: list[Queued] = field(default_factory=list)
    suspensions: dict[UserId, tuple[PendingSuspension, datetime]] = field(default_factory=dict)


@dataclass(slots=True)
class MemoryProfiles:
    content: Content

    async def add(self, profile: Profile) -> bool:
        if profile.id in self.content.profiles or self._taken(profile):
            return False
        self.content.profiles[profile.id] = profile
        return True

    async def of(self, user_id: UserId, *, for_update: bool = False) -> Profile | None:  # noqa: ARG002 - works are serial here
        return self.content.profiles.get(user_id)

    async def save(self, profile: Profile) -> None:
        if self._taken(profile):
            raise EmailInUse
        self.content.profiles[profile.id] = profile

    async def find(self, search: Search) -> Sequence[Profile]:
        found = [profile for _, profile in sorted(self.content.profiles.items()) if self._fits(profile, search)]
        return found[: search.limit]

    async def overdue(self, now: datetime, limit: int) -> Sequence[UserId]:
        over = [each for each in self.content.profiles.values() if each.status_until and each.status_until <= now]
        return [each.id for each in over][:limit]

    def _taken(self, profile: Profile) -> bool:
        others = (other for other in self.content.profiles.values() if other.id != profile.id)
        return any((other.email or "").lower() == (profile.email or "").lower() for other in others)

    def _fits(self, profile: Profile, search: Search) -> bool:
        return (
            (search.email is None or (profile.email or "").lower() == search.email.lower())
            and (search.status is None or profile.status == search.status)
            and (search.after is None or profile.id > search.after)
        )


@dataclass(slots=True)
class MemorySuspensions:
    kept: dict[UserId, tuple[PendingSuspension, datetime]]

    async def ask(self, suspension: PendingSuspension, now: datetime) -> None:
        known, _ = self.kept.get(suspension.user_id, (suspension, now))
        self.kept[suspension.user_id] = max(known, suspension, key=lambda each: each.until), now

    async def claim(self, now: datetime, lease: timedelta) -> PendingSuspension | None:
        due = next((each for each, due_at in self.kept.values() if due_at <= now), None)
        if due:
            self.kept[due.user_id] = due, now + lease
        return due

    async def done(self, suspension: PendingSuspension) -> None:
        if self.kept.get(suspension.user_id, (None,))[0] == suspension:
            del self.kept[suspension.user_id]


@dataclass(slots=True)
class MemorySettings:
    content: Content

    async def of(self, user_id: UserId, *, for_update: bool = False) -> ReadingSettings | None:  # noqa: ARG002 - works are serial here
        return self.content.settings.get(user_id)

    async def save(self, user_id: UserId, settings: ReadingSettings) -> None:
        self.content.settings[user_id] = settings


@dataclass(slots=True)
class MemoryRoles:
    policy: Mapping[str, frozenset[str]]

    async def of_groups(self, groups: Sequence[str]) -> Sequence[Role]:
        return [Role(code, permissions) for code, permissions in sorted(self.policy.items()) if code in groups]


@dataclass(slots=True)
class MemoryEvents:
    content: Content

    async def add(self, event: Event) -> None:
        self.content.events.append(event)


class MemoryWork:
    """Works on a copy, one work at a time: commit puts the copy in the place of the original."""

    profiles: Profiles
    suspensions: PendingSuspensions
    settings: SettingsBook
    roles: Roles
    events: Events
    notifications: Notifications
    choices: NoticeChoices
    messages: Messages

    def __init__(self, world: "World") -> None:
        self._world = world

    async def __aenter__(self) -> Self:
        await self._world.turn.acquire()
        self._world.open += 1
        self._copy = copy_of(self._world.content)
        self.profiles, self.settings = MemoryProfiles(self._copy), MemorySettings(self._copy)
        self.roles, self.events = MemoryRoles(self._world.policy), MemoryEvents(self._copy)
        self.suspensions = MemorySuspensions(self._copy.suspensions)
        self.notifications = MemoryNotifications(self._copy.notifications)
        self.choices = MemoryChoices(self._copy.choices)
        self.messages = MemoryMessages(self._copy.messages)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._world.open -= 1
        self._world.turn.release()

    async def commit(self) -> None:
        self._world.content = copy_of(self._copy)


@dataclass(slots=True)
class World:
    """All that is kept, and what the identity provider would say of a token."""

    content: Content = field(default_factory=Content)
    policy: Mapping[str, frozenset[str]] = field(
        default_factory=lambda: {"admin": frozenset({"users.read", "users.write"}), "reader": frozenset()}
    )
    identities: dict[str, Identity] = field(default_factory=dict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    open: int = 0

    def work(self) -> MemoryWork:
        return MemoryWork(self)

    async def of(self, id_token: str, user_id: UserId) -> Identity:  # noqa: ARG002 - the token decides
        """Be the identity provider; no work may be open while the network is asked."""
        assert self.open == 0
        if id_token not in self.identities:
            raise IdTokenInvalid
        return self.identities[id_token]


@dataclass(slots=True)
class MemoryDoors:
    """The identity provider's doors, which are away as often as they are told."""

    world: World
    shut_out: set[str] = field(default_factory=set)
    faults: int = 0

    async def shut(self, username: str) -> None:
        self._knock()
        self.shut_out.add(username)

    async def open(self, username: str) -> None:
        self._knock()
        self.shut_out.discard(username)

    def _knock(self) -> None:
        assert self.world.open == 0
        if self.faults:
            self.faults -= 1
            raise IdentityProviderUnavailable
