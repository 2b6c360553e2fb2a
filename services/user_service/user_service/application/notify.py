"""Tells a person something: into their list, and into the queue of e-mails, as they chose."""

from datetime import datetime

from user_service.application.ports import NewId, Work
from user_service.domain.message import Message
from user_service.domain.notification import Channel, Notice, NoticeKind, Notification
from user_service.domain.profile import UserId


async def notify(work: Work, user_id: UserId, notice: Notice, now: datetime, new_id: NewId) -> None:
    """Tell it once, in the transaction of whoever learned of it. Who has no profile is not told."""
    profile = await work.profiles.of(user_id)
    if profile is None or (notice.ends_at is not None and notice.ends_at <= now):
        return
    channels = (await work.choices.of(user_id))[notice.kind]
    if Channel.IN_APP in channels:
        await work.notifications.add(Notification.of(notice, new_id(), user_id, now))
    if Channel.EMAIL in channels and profile.email is not None:
        await work.messages.add(Message.of(notice, new_id(), user_id, now))


async def remind_of_payment(work: Work, user_id: UserId, notice: Notice, now: datetime, new_id: NewId) -> None:
    """Tell of an open payment; an older reminder that is not out yet gives way."""
    await stop_reminding(work, user_id, notice.about)
    await notify(work, user_id, notice, now, new_id)


async def stop_reminding(work: Work, user_id: UserId, subscription_id: str) -> None:
    """Send no reminder any more: the payment was made good, or the subscription is over."""
    await work.messages.suppress(user_id, NoticeKind.PAYMENT_DUE, subscription_id)
