"""What people are told, kept in memory."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from user_service.application.notice_ports import Behind
from user_service.domain.message import Message
from user_service.domain.notification import USUAL, NoticeKind, Notification, Preferences
from user_service.domain.profile import UserId


@dataclass(slots=True)
class Queued:
    """A message and what became of it."""

    message: Message
    due_at: datetime
    state: str = "queued"
    reason: str | None = None


@dataclass(slots=True)
class MemoryNotifications:
    kept: list[Notification]

    async def add(self, notification: Notification) -> bool:
        if any(_key(each) == _key(notification) for each in self.kept):
            return False
        self.kept.append(notification)
        return True

    async def page(
        self, user_id: UserId, limit: int, behind: Behind | None, *, only_unread: bool = False
    ) -> Sequence[Notification]:
        mine = [each for each in self.kept if each.user_id == user_id and not (only_unread and each.read_at)]
        mine.sort(key=lambda each: (each.created_at, each.id), reverse=True)
        place = (behind.created_at, behind.id) if behind else None
        return [each for each in mine if place is None or (each.created_at, each.id) < place][:limit]

    async def read(self, user_id: UserId, ids: Collection[UUID], now: datetime) -> None:
        self.kept[:] = [self._read(each, user_id, now) if each.id in ids else each for each in self.kept]

    async def read_before(self, user_id: UserId, instant: datetime, now: datetime) -> None:
        self.kept[:] = [self._read(each, user_id, now) if each.created_at <= instant else each for each in self.kept]

    async def prune(self, before: datetime, most: int) -> int:
        old = [each for each in self.kept if each.created_at < before][:most]
        self.kept[:] = [each for each in self.kept if each not in old]
        return len(old)

    def _read(self, notification: Notification, user_id: UserId, now: datetime) -> Notification:
        is_theirs = notification.user_id == user_id and notification.read_at is None
        return replace(notification, read_at=now) if is_theirs else notification


@dataclass(slots=True)
class MemoryChoices:
    kept: dict[UserId, Preferences]

    async def of(self, user_id: UserId) -> Preferences:
        return {**USUAL, **self.kept.get(user_id, {})}

    async def replace(self, user_id: UserId, preferences: Preferences) -> None:
        self.kept[user_id] = preferences


@dataclass(slots=True)
class MemoryMessages:
    kept: list[Queued]

    async def add(self, message: Message) -> None:
        if not any(_key(each.message) == _key(message) for each in self.kept):
            self.kept.append(Queued(message, message.created_at))

    async def suppress(self, user_id: UserId, kind: NoticeKind, about: str) -> None:
        for each in self.kept:
            theirs = (each.message.user_id, each.message.kind, each.message.about) == (user_id, kind, about)
            if theirs and each.state == "queued":
                each.state = "suppressed"

    async def claim(self, now: datetime, lease: timedelta) -> Message | None:
        waiting = [each for each in self.kept if each.state in {"queued", "sending"} and each.due_at <= now]
        if not waiting:
            return None
        queued = min(waiting, key=lambda each: each.due_at)
        queued.state, queued.due_at = "sending", now + lease
        queued.message = replace(queued.message, attempts=queued.message.attempts + 1)
        return queued.message

    async def sent(self, message: Message, provider_id: str, now: datetime) -> None:  # noqa: ARG002 - rows keep them
        self._settle(message, "sent")

    async def put_off(self, message: Message, reason: str, retry_at: datetime | None) -> None:
        queued = self._settle(message, "failed" if retry_at is None else "queued")
        if queued:
            queued.reason, queued.due_at = reason, retry_at or queued.due_at

    async def drop(self, message: Message) -> None:
        self._settle(message, "suppressed")

    async def prune(self, before: datetime, most: int) -> int:
        settled = [each for each in self.kept if each.state not in {"queued", "sending"}]
        old = [each for each in settled if each.message.created_at < before][:most]
        self.kept[:] = [each for each in self.kept if each not in old]
        return len(old)

    def _settle(self, message: Message, state: str) -> Queued | None:
        mine = (each for each in self.kept if each.message == message and each.state == "sending")
        queued = next(mine, None)
        if queued:
            queued.state = state
        return queued


def _key(kept: Notification | Message) -> tuple[UserId, str]:
    return kept.user_id, kept.dedupe_key
