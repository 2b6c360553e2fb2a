"""What others hear of the moderation desk: ids, kinds and outcomes, no statement and no contact."""

from dataclasses import dataclass
from datetime import datetime

from story_service.domain.desk.moderation_case import ModerationCase
from story_service.domain.ids import UserId


@dataclass(frozen=True, slots=True)
class ModerationCaseOpened:
    """Somebody has to decide."""

    case: ModerationCase


@dataclass(frozen=True, slots=True)
class ModerationCaseResolved:
    """Somebody has decided."""

    case: ModerationCase


@dataclass(frozen=True, slots=True)
class UserStruck:
    """Somebody's standing strikes, after one more."""

    user_id: UserId
    strikes: int
    action: str
    at: datetime
