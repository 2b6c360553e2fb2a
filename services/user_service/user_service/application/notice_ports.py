"""What telling people something needs from outside: lists, choices, and a way to send e-mail."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from user_service.domain.message import Message
from user_service.domain.notification import NoticeKind, Notification, Preferences
from user_service.domain.profile import UserId


@dataclass(frozen=True, slots=True)
class Behind:
    """The place in a list, youngest first, that a page follows."""

    created_at: datetime
    id: UUID


class Notifications(Protocol):
    """Everybody's list."""

    async def add(self, notification: Notification) -> bool:
        """Add it, or do nothing and return False where the person has one under that dedupe key."""
        ...

    async def page(
        self, user_id: UserId, limit: int, behind: Behind | None, *, only_unread: bool = False
    ) -> Sequence[Notification]:
        """Return a person's, youngest first."""
        ...

    async def read(self, user_id: UserId, ids: Collection[UUID], now: datetime) -> None:
        """Note that these of the person's are read."""
        ...

    async def read_before(self, user_id: UserId, instant: datetime, now: datetime) -> None:
        """Note that all of the person's are read that came at `instant` or earlier."""
        ...

    async def prune(self, before: datetime, most: int) -> int:
        """Remove some that came before, anybody's, read or not; return how many."""
        ...


class NoticeChoices(Protocol):
    """By which channels people want what."""

    async def of(self, user_id: UserId) -> Preferences:
        """Return a person's, with what is usual where they chose nothing."""
        ...

    async def replace(self, user_id: UserId, preferences: Preferences) -> None:
        """Keep all of a person's choices."""
        ...


class Messages(Protocol):
    """E-mails on their way. The row is the queue."""

    async def add(self, message: Message) -> None:
        """Queue it, unless one was under its dedupe key."""
        ...

    async def suppress(self, user_id: UserId, kind: NoticeKind, about: str) -> None:
        """Let those of this kind about this not go out that are not sent yet."""
        ...

    async def claim(self, now: datetime, lease: timedelta) -> Message | None:
        """Take the next that is due; nobody else does until the lease ends."""
        ...

    async def sent(self, message: Message, provider_id: str, now: datetime) -> None:
        """Note that it is out."""
        ...

    async def put_off(self, message: Message, reason: str, retry_at: datetime | None) -> None:
        """Note why it did not go out, and when to try again; None gives it up."""
        ...

    async def drop(self, message: Message) -> None:
        """Note that it need not go out any more."""
        ...

    async def prune(self, before: datetime, most: int) -> int:
        """Remove some that were queued before and are settled; return how many."""
        ...


class Mailer(Protocol):
    """The way out."""

    async def send(self, address: str, subject: str, text: str) -> str:
        """Send one e-mail and return the provider's id of it. Raises MailUnavailable, MailRefused."""
        ...
