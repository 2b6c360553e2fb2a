"""What people are told, over Postgres."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from user_service.application.notice_ports import Behind
from user_service.domain.message import Message
from user_service.domain.notification import USUAL, Channel, NoticeKind, Notification, Preferences
from user_service.domain.profile import UserId
from user_service.infrastructure.notice_tables import ChoiceRow, MessageRow, NotificationRow

_ONCE = ["user_id", "dedupe_key"]


class SqlNotifications:
    """Lists in `users.notifications`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, notification: Notification) -> bool:
        """Insert it unless it is there."""
        fresh = insert(NotificationRow).values(NotificationRow.values(notification))
        once = fresh.on_conflict_do_nothing(index_elements=_ONCE).returning(NotificationRow.id)
        return (await self._session.execute(once)).first() is not None

    async def page(
        self, user_id: UserId, limit: int, behind: Behind | None, *, only_unread: bool = False
    ) -> Sequence[Notification]:
        """Read one page by moment and id."""
        query = select(NotificationRow).where(NotificationRow.user_id == user_id)
        if only_unread:
            query = query.where(NotificationRow.read_at.is_(None))
        if behind is not None:
            place = tuple_(literal(behind.created_at), literal(behind.id))
            query = query.where(tuple_(NotificationRow.created_at, NotificationRow.id) < place)
        ordered = query.order_by(NotificationRow.created_at.desc(), NotificationRow.id.desc()).limit(limit)
        return [row.to_domain() for row in await self._session.scalars(ordered)]

    async def read(self, user_id: UserId, ids: Collection[UUID], now: datetime) -> None:
        """Set the moment of those that have none."""
        await self._session.execute(_unread(user_id).where(NotificationRow.id.in_(ids)).values(read_at=now))

    async def read_before(self, user_id: UserId, instant: datetime, now: datetime) -> None:
        """Set the moment of those that have none and are not younger."""
        await self._session.execute(_unread(user_id).where(NotificationRow.created_at <= instant).values(read_at=now))

    async def prune(self, before: datetime, most: int) -> int:
        """Delete them by their moment."""
        chosen = select(NotificationRow.id).where(NotificationRow.created_at < before).limit(most)
        gone = delete(NotificationRow).where(NotificationRow.id.in_(chosen)).returning(NotificationRow.id)
        return len((await self._session.execute(gone)).all())


def _unread(user_id: UserId) -> Any:
    return update(NotificationRow).where(NotificationRow.user_id == user_id, NotificationRow.read_at.is_(None))


class SqlNoticeChoices:
    """Choices in `users.notification_prefs`; a row says yes or no, none says what is usual."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of(self, user_id: UserId) -> Preferences:
        """Lay what was chosen over what is usual."""
        chosen = {kind: set(channels) for kind, channels in USUAL.items()}
        for row in await self._session.scalars(select(ChoiceRow).where(ChoiceRow.user_id == user_id)):
            channels = chosen[NoticeKind(row.kind)]
            (channels.add if row.enabled else channels.discard)(Channel(row.channel))
        return {kind: frozenset(channels) for kind, channels in chosen.items()}

    async def replace(self, user_id: UserId, preferences: Preferences) -> None:
        """Write a row for each kind and channel."""
        await self._session.execute(delete(ChoiceRow).where(ChoiceRow.user_id == user_id))
        rows = [
            {"user_id": user_id, "kind": kind.value, "channel": channel.value, "enabled": channel in channels}
            for kind, channels in preferences.items()
            for channel in Channel
        ]
        await self._session.execute(insert(ChoiceRow).values(rows))


class SqlMessages:
    """The queue in `users.outbound_messages`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, message: Message) -> None:
        """Insert it unless it is there."""
        fresh = insert(MessageRow).values(MessageRow.values(message))
        await self._session.execute(fresh.on_conflict_do_nothing(index_elements=_ONCE))

    async def suppress(self, user_id: UserId, kind: NoticeKind, about: str) -> None:
        """Settle what waits; what is being sent this moment cannot be called back."""
        theirs = (MessageRow.user_id == user_id, MessageRow.kind == kind.value, MessageRow.about == about)
        waiting = update(MessageRow).where(*theirs, MessageRow.state == "queued")
        await self._session.execute(waiting.values(state="suppressed"))

    async def claim(self, now: datetime, lease: timedelta) -> Message | None:
        """Take the row that has waited longest and that no other transaction is taking."""
        due = (
            select(MessageRow.id)
            .where(MessageRow.state.in_(["queued", "sending"]), MessageRow.next_attempt_at <= now)
            .order_by(MessageRow.next_attempt_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        taken = update(MessageRow).where(MessageRow.id == due.scalar_subquery())
        claimed = taken.values(state="sending", attempts=MessageRow.attempts + 1, next_attempt_at=now + lease)
        row = (await self._session.scalars(claimed.returning(MessageRow))).one_or_none()
        return None if row is None else row.to_domain()

    async def sent(self, message: Message, provider_id: str, now: datetime) -> None:
        """Settle it as sent."""
        await self._settle(message, state="sent", provider_id=provider_id, sent_at=now, last_error=None)

    async def put_off(self, message: Message, reason: str, retry_at: datetime | None) -> None:
        """Queue it for later, or settle it as failed."""
        if retry_at is None:
            await self._settle(message, state="failed", last_error=reason)
        else:
            await self._settle(message, state="queued", last_error=reason, next_attempt_at=retry_at)

    async def drop(self, message: Message) -> None:
        """Settle it as not needed."""
        await self._settle(message, state="suppressed")

    async def prune(self, before: datetime, most: int) -> int:
        """Delete them by their moment; a settled one is never taken up again."""
        old = MessageRow.created_at < before, MessageRow.state.not_in(["queued", "sending"])
        chosen = select(MessageRow.id).where(*old).limit(most)
        gone = delete(MessageRow).where(MessageRow.id.in_(chosen)).returning(MessageRow.id)
        return len((await self._session.execute(gone)).all())

    async def _settle(self, message: Message, **values: object) -> None:
        """Change it while this attempt is the last one: somebody else may have taken it over after the lease."""
        mine = (MessageRow.id == message.id, MessageRow.state == "sending", MessageRow.attempts == message.attempts)
        await self._session.execute(update(MessageRow).where(*mine).values(**values))
