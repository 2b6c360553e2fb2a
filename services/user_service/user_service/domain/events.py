"""What happened to a person. Each fact carries the whole of what others index, so that the newest one suffices."""

from collections.abc import Sequence
from dataclasses import dataclass

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


Event = UserRegistered | UserUpdated
