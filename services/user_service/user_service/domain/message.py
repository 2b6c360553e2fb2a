"""An e-mail on its way: tried until it is sent, refused, or no longer true."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self
from uuid import UUID

from user_service.domain.notification import Notice, NoticeKind
from user_service.domain.profile import UserId

MOST_ATTEMPTS = 10
_LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Message:
    """A notice to be mailed. The address is looked up when it is sent, so that no copy of it outlives a profile."""

    id: UUID
    user_id: UserId
    kind: NoticeKind
    dedupe_key: str
    about: str
    subject: str
    text: str
    created_at: datetime
    ends_at: datetime | None = None
    attempts: int = 0

    @classmethod
    def of(cls, notice: Notice, message_id: UUID, user_id: UserId, now: datetime) -> Self:
        """Queue a notice for somebody."""
        return cls(
            id=message_id,
            user_id=user_id,
            kind=notice.kind,
            dedupe_key=notice.dedupe_key,
            about=notice.about,
            subject=notice.title,
            text=notice.body,
            created_at=now,
            ends_at=notice.ends_at,
        )

    def is_true(self, now: datetime) -> bool:
        """Tell whether it still says what is so."""
        return self.ends_at is None or now < self.ends_at

    def retry_at(self, now: datetime) -> datetime | None:
        """Return when to try again after an attempt that failed; None when it was the last."""
        if self.attempts >= MOST_ATTEMPTS:
            return None
        return now + min(timedelta(seconds=5 * 2 ** max(self.attempts - 1, 0)), _LONGEST_PAUSE)
