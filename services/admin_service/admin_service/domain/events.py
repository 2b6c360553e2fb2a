"""What this service takes from the facts of the others: its own words for them, and no more than it needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class PersonSeen:
    """All that user_service tells of a person in one version (user.registered, user.updated)."""

    user_id: UUID
    version: int
    at: datetime
    email: str | None
    display_name: str | None
    status: str
    is_registration: bool = False


@dataclass(frozen=True, slots=True)
class AccessSeen:
    """What a person may do, in one version (access.changed)."""

    user_id: UUID
    version: int
    at: datetime
    plan_code: str | None
    state: str
    is_entitled: bool


@dataclass(frozen=True, slots=True)
class UsageSeen:
    """What a closed generation took of each meter (usage.settled)."""

    user_id: UUID
    at: datetime
    amounts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ArchivedEvent:
    """A fact as it came, without the e-mail address."""

    event_id: UUID
    type: str
    source: str
    subject: UUID | None
    occurred_at: datetime
    envelope: Mapping[str, Any]
