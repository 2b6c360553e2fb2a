"""What goes over the wire about notifications."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from common_service.instants import Instant
from user_service.api.schemas import Body
from user_service.domain.notification import USUAL, Channel, NoticeKind, Notification, Preferences


class NotificationView(BaseModel):
    """One notification; `data` depends on the kind, and may hold an `action`. `read_at` is null until it is read."""

    id: UUID
    kind: NoticeKind
    title: str
    body: str
    data: dict[str, Any]
    created_at: datetime
    read_at: datetime | None

    @classmethod
    def of(cls, notification: Notification) -> Self:
        """Show a notification."""
        return cls(
            id=notification.id,
            kind=notification.kind,
            title=notification.title,
            body=notification.body,
            data=dict(notification.data),
            created_at=notification.created_at,
            read_at=notification.read_at,
        )


class ReadThese(Body):
    """Some notifications, by their ids."""

    ids: Annotated[list[UUID], Field(min_length=1, max_length=100)]


class ReadBefore(Body):
    """All notifications that came at this moment or earlier."""

    before: Instant


class ChannelsBody(BaseModel):
    """By which channels one kind of notice is wanted."""

    model_config = ConfigDict(extra="forbid")

    in_app: StrictBool
    email: StrictBool

    def chosen(self) -> frozenset[Channel]:
        """Return the channels that are wanted."""
        return frozenset(channel for channel in Channel if getattr(self, channel.value))

    @classmethod
    def of(cls, channels: frozenset[Channel]) -> Self:
        """Show which channels are wanted."""
        return cls(in_app=Channel.IN_APP in channels, email=Channel.EMAIL in channels)


class PreferencesBody(Body):
    """All choices: a kind that is left out goes back to what is usual."""

    payment_due: ChannelsBody = ChannelsBody.of(USUAL[NoticeKind.PAYMENT_DUE])
    subscription: ChannelsBody = ChannelsBody.of(USUAL[NoticeKind.SUBSCRIPTION])
    grant: ChannelsBody = ChannelsBody.of(USUAL[NoticeKind.GRANT])
    account: ChannelsBody = ChannelsBody.of(USUAL[NoticeKind.ACCOUNT])

    def to_domain(self) -> Preferences:
        """Return the choices."""
        return {kind: getattr(self, kind.value).chosen() for kind in NoticeKind}


class PreferencesView(BaseModel):
    """By which channels each kind of notice is wanted."""

    payment_due: ChannelsBody
    subscription: ChannelsBody
    grant: ChannelsBody
    account: ChannelsBody

    @classmethod
    def of(cls, preferences: Preferences) -> Self:
        """Show choices."""
        return cls(**{kind.value: ChannelsBody.of(preferences[kind]) for kind in NoticeKind})
