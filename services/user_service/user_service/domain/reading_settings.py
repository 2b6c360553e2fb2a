"""How a person wants to read: replaced as a whole, under a version of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from user_service.domain.errors import VersionConflict

Preference = str | int | bool


@dataclass(frozen=True, slots=True)
class ReadingSettings:
    """The settings of one person; `preferences` is the frontend's own, kept as it is."""

    updated_at: datetime
    content_intensity: int = 2
    spoiler_safe: bool = False
    memory_enabled: bool = True
    preferences: Mapping[str, Preference] = field(default_factory=dict)
    version: int = 1

    def replaced(self, wanted: "ReadingSettings", *, version: int) -> Self:
        """Return `wanted` as the version after this one. Raises VersionConflict unless the caller saw this one."""
        if self.version != version:
            raise VersionConflict(self.version)
        if replace(wanted, version=self.version, updated_at=self.updated_at) == self:
            return self
        return replace(
            self,
            updated_at=wanted.updated_at,
            content_intensity=wanted.content_intensity,
            spoiler_safe=wanted.spoiler_safe,
            memory_enabled=wanted.memory_enabled,
            preferences=wanted.preferences,
            version=self.version + 1,
        )
