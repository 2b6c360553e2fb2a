"""What the house tells a person: shown in their list, mailed where they want it, each thing once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from user_service.domain.profile import UserId


class NoticeKind(StrEnum):
    """What a notice is about, and so what people choose by."""

    PAYMENT_DUE = "payment_due"
    SUBSCRIPTION = "subscription"
    GRANT = "grant"
    ACCOUNT = "account"


class Channel(StrEnum):
    """On which way a notice reaches somebody."""

    IN_APP = "in_app"
    EMAIL = "email"


Preferences = Mapping[NoticeKind, frozenset[Channel]]
"""By which channels somebody wants each kind."""
_BOTH = frozenset(Channel)
USUAL: Preferences = {
    NoticeKind.PAYMENT_DUE: _BOTH,
    NoticeKind.SUBSCRIPTION: frozenset({Channel.IN_APP}),
    NoticeKind.GRANT: frozenset({Channel.IN_APP}),
    NoticeKind.ACCOUNT: _BOTH,
}


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell one person. `dedupe_key` is the same however often it comes.

    `about` names what it is about; `ends_at`: from when on it is not true any more, and not mailed.
    """

    kind: NoticeKind
    dedupe_key: str
    title: str
    body: str
    about: str
    data: Mapping[str, object] = field(default_factory=dict)
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """A notice in somebody's list."""

    id: UUID
    user_id: UserId
    kind: NoticeKind
    dedupe_key: str
    title: str
    body: str
    data: Mapping[str, object]
    created_at: datetime
    read_at: datetime | None = None

    @classmethod
    def of(cls, notice: Notice, notification_id: UUID, user_id: UserId, now: datetime) -> Self:
        """Put a notice into somebody's list."""
        return cls(
            id=notification_id,
            user_id=user_id,
            kind=notice.kind,
            dedupe_key=notice.dedupe_key,
            title=notice.title,
            body=notice.body,
            data=notice.data,
            created_at=now,
        )
