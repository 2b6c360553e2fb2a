"""What the use cases need from outside: stores that share one transaction, and the identity provider."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Protocol, Self
from uuid import UUID

from user_service.application.notice_ports import Messages, NoticeChoices, Notifications
from user_service.domain.events import Event
from user_service.domain.identity import Identity
from user_service.domain.profile import Profile, Status, UserId
from user_service.domain.reading_settings import ReadingSettings
from user_service.domain.role import Role

Clock = Callable[[], datetime]
NewId = Callable[[], UUID]


@dataclass(frozen=True, slots=True)
class Search:
    """Which profiles a page shows, in the order of their ids; `after` is the last id of the page before."""

    limit: int
    email: str | None = None
    status: Status | None = None
    after: UserId | None = None


class Profiles(Protocol):
    """The profiles."""

    async def add(self, profile: Profile) -> bool:
        """Add a profile with its identity, or do nothing and return False where its id or address is taken."""
        ...

    async def of(self, user_id: UserId, *, for_update: bool = False) -> Profile | None:
        """Return the profile of a person; with `for_update` nobody else changes it until this work ends."""
        ...

    async def save(self, profile: Profile) -> None:
        """Keep the new version of a profile. Raises EmailInUse."""
        ...

    async def find(self, search: Search) -> Sequence[Profile]:
        """Return the profiles of one page."""
        ...

    async def overdue(self, now: datetime, limit: int) -> Sequence[UserId]:
        """Return who is still suspended although it was to end by now, the longest first."""
        ...


@dataclass(frozen=True, slots=True)
class PendingSuspension:
    """Somebody to be suspended, until then."""

    user_id: UserId
    until: datetime


class PendingSuspensions(Protocol):
    """Who is to be suspended as soon as the identity provider has been told. The row is the queue."""

    async def ask(self, suspension: PendingSuspension, now: datetime) -> None:
        """Queue it; of two for one person the later end counts."""
        ...

    async def claim(self, now: datetime, lease: timedelta) -> PendingSuspension | None:
        """Take the next that is due; nobody else does until the lease ends."""
        ...

    async def done(self, suspension: PendingSuspension) -> None:
        """Forget it."""
        ...


class SettingsBook(Protocol):
    """The reading settings, one entry a person."""

    async def of(self, user_id: UserId, *, for_update: bool = False) -> ReadingSettings | None:
        """Return a person's settings."""
        ...

    async def save(self, user_id: UserId, settings: ReadingSettings) -> None:
        """Keep a person's settings."""
        ...


class Roles(Protocol):
    """The roles and their permissions."""

    async def of_groups(self, groups: Sequence[str]) -> Sequence[Role]:
        """Return the roles that these Cognito groups give, by code."""
        ...


class Events(Protocol):
    """Facts on their way out."""

    async def add(self, event: Event) -> None:
        """Tell of a fact when this work commits."""
        ...


class Work(Protocol):
    """One transaction: rolled back unless committed."""

    profiles: Profiles
    suspensions: PendingSuspensions
    settings: SettingsBook
    roles: Roles
    events: Events
    notifications: Notifications
    choices: NoticeChoices
    messages: Messages

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def commit(self) -> None:
        """Make it durable."""
        ...


StartWork = Callable[[], Work]


class Identities(Protocol):
    """The identity provider."""

    async def of(self, id_token: str, user_id: UserId) -> Identity:
        """Return what the id token of this person says. Raises IdTokenInvalid."""
        ...


class Doors(Protocol):
    """The identity provider's way to shut people out. Both may be repeated; both raise IdentityProviderUnavailable."""

    async def shut(self, username: str) -> None:
        """Let nobody sign in as this user, and end every sign-in there is."""
        ...

    async def open(self, username: str) -> None:
        """Let the user sign in again."""
        ...
