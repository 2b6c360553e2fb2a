"""What happened to a person. Each fact carries the whole of what others index, so that the newest one suffices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from user_service.domain.profile import Profile


@dataclass(frozen=True, slots=True)
class UserRegistered:
    """A profile came to be."""

    profile: Profile


@dataclass(frozen=True, slots=True)
class UserUpdated:
    """A profile has a new version."""

    profile: Profile
    changed: Sequence[str]


StatusReason = Literal["admin", "strikes", "time"]
"""Who or what changed a status: never an admin's own words, which may tell of others."""


@dataclass(frozen=True, slots=True)
class UserStatusChanged:
    """A person was suspended or reinstated."""

    profile: Profile
    reason: StatusReason


Event = UserRegistered | UserUpdated | UserStatusChanged
