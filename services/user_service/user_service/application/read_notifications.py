"""A person's list of notifications, what of it they have read, and what they want to be told how."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from user_service.application.notice_ports import Behind
from user_service.application.ports import Clock, StartWork
from user_service.domain.errors import NotProvisioned
from user_service.domain.notification import Notification, Preferences
from user_service.domain.profile import UserId


@dataclass(frozen=True, slots=True)
class ReadNotifications:
    """Reads a page of somebody's list."""

    start_work: StartWork

    async def __call__(
        self, user_id: UserId, limit: int, behind: Behind | None, *, only_unread: bool
    ) -> Sequence[Notification]:
        """Return up to `limit`, youngest first."""
        async with self.start_work() as work:
            return await work.notifications.page(user_id, limit, behind, only_unread=only_unread)


@dataclass(frozen=True, slots=True)
class MarkRead:
    """Notes what somebody has read; what is not theirs is passed over."""

    start_work: StartWork
    now: Clock

    async def these(self, user_id: UserId, ids: Collection[UUID]) -> None:
        """Mark some."""
        async with self.start_work() as work:
            await work.notifications.read(user_id, ids, self.now())
            await work.commit()

    async def before(self, user_id: UserId, instant: datetime) -> None:
        """Mark all that came at `instant` or earlier."""
        async with self.start_work() as work:
            await work.notifications.read_before(user_id, instant, self.now())
            await work.commit()


@dataclass(frozen=True, slots=True)
class ChooseNotices:
    """Reads and replaces by which channels somebody wants what. Both raise NotProvisioned."""

    start_work: StartWork

    async def read(self, user_id: UserId) -> Preferences:
        """Return what holds."""
        async with self.start_work() as work:
            if await work.profiles.of(user_id) is None:
                raise NotProvisioned
            return await work.choices.of(user_id)

    async def replace(self, user_id: UserId, preferences: Preferences) -> Preferences:
        """Return what holds from now on."""
        async with self.start_work() as work:
            if await work.profiles.of(user_id, for_update=True) is None:
                raise NotProvisioned
            await work.choices.replace(user_id, preferences)
            await work.commit()
        return preferences
