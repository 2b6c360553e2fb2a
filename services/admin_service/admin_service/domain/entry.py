"""What the index of people holds of one: a picture made of facts that may come late, twice, or in any order."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from admin_service.domain.events import AccessSeen, PersonSeen


@dataclass(frozen=True, slots=True)
class UserEntry:
    """One person. Version 0 says that nothing of that kind was heard yet."""

    user_id: UUID
    first_seen_at: datetime
    email: str | None = None
    display_name: str | None = None
    status: str = "active"
    registered_at: datetime | None = None
    user_version: int = 0
    plan_code: str | None = None
    access_state: str | None = None
    is_entitled: bool | None = None
    access_version: int = 0

    def with_person(self, seen: PersonSeen) -> Self:
        """Take over what is newer than what is known; the time of registration whenever it comes."""
        entry = self._seen(seen.at)
        if seen.is_registration:
            entry = replace(entry, registered_at=seen.at)
        if seen.version <= self.user_version:
            return entry
        return replace(
            entry,
            email=seen.email,
            display_name=seen.display_name,
            status=seen.status,
            user_version=seen.version,
        )

    def with_access(self, seen: AccessSeen) -> Self:
        """Take over what is newer than what is known."""
        entry = self._seen(seen.at)
        if seen.version <= self.access_version:
            return entry
        return replace(
            entry,
            plan_code=seen.plan_code,
            access_state=seen.state,
            is_entitled=seen.is_entitled,
            access_version=seen.version,
        )

    def profile(self) -> dict[str, Any]:
        """Return what stands in for user_service's own profile while that does not answer."""
        return {
            "id": str(self.user_id),
            "email": self.email,
            "display_name": self.display_name,
            "status": self.status,
            "created_at": self.registered_at.isoformat() if self.registered_at else None,
            "version": self.user_version,
        }

    def _seen(self, at: datetime) -> Self:
        return replace(self, first_seen_at=min(at, self.first_seen_at))
