"""A person as TrueCrime knows them: named by Cognito's `sub`, changed under a version."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import NewType, Self, TypedDict
from uuid import UUID

from user_service.domain.consent import Consent, ConsentKind
from user_service.domain.errors import UserLeaving, VersionConflict

UserId = NewType("UserId", UUID)


class Status(StrEnum):
    """What the house lets a person do at all."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    ERASING = "erasing"
    ERASED = "erased"


class ProfileEdit(TypedDict, total=False):
    """What a person may change about themselves; what is absent stays."""

    display_name: str | None
    locale: str
    country: str | None


@dataclass(frozen=True, slots=True)
class Profile:
    """One person. Every change makes a new version, one higher."""

    id: UserId
    username: str
    email: str | None
    email_verified: bool
    created_at: datetime
    updated_at: datetime
    display_name: str | None = None
    locale: str = "en"
    country: str | None = None
    status: Status = Status.ACTIVE
    status_until: datetime | None = None
    """Until when somebody is suspended; None while they are not, or for good."""
    status_reason: str | None = None
    consents: tuple[Consent, ...] = ()
    version: int = 1

    def require(self, version: int) -> None:
        """Raise VersionConflict unless the caller saw this version."""
        if self.version != version:
            raise VersionConflict(self.version)

    def edited(self, edit: ProfileEdit, now: datetime) -> Self:
        """Return the profile with the edit, or itself where nothing differs."""
        return self._changed(replace(self, **edit), now)

    def identified(self, email: str | None, *, verified: bool, now: datetime) -> Self:
        """Return the profile with the address that the identity provider vouches for now."""
        if not verified:
            return self
        return self._changed(replace(self, email=email, email_verified=True), now)

    def consenting(self, kind: ConsentKind, version: str, *, given: bool, now: datetime) -> Self:
        """Return the profile with a consent given or withdrawn; saying the same again changes nothing."""
        known = next((c for c in self.consents if (c.kind, c.version) == (kind, version)), None)
        if (known is not None and known.is_given) == given:
            return self
        others = tuple(c for c in self.consents if c is not known)
        changed = replace(known, withdrawn_at=now) if known and not given else Consent(kind, version, now)
        return self._changed(replace(self, consents=tuple(sorted((*others, changed)))), now)

    def suspended(self, until: datetime | None, reason: str, now: datetime) -> Self:
        """Return the profile shut out, until then or for good. Raises UserLeaving."""
        if self.is_leaving:
            raise UserLeaving
        return self._changed(replace(self, status=Status.SUSPENDED, status_until=until, status_reason=reason), now)

    def reinstated(self, now: datetime) -> Self:
        """Return the profile let in again; who is not suspended stays as they are. Raises UserLeaving."""
        if self.is_leaving:
            raise UserLeaving
        return self._changed(replace(self, status=Status.ACTIVE, status_until=None, status_reason=None), now)

    @property
    def is_leaving(self) -> bool:
        """Whether their erasure has begun: nobody suspends or reinstates them any more."""
        return self.status in (Status.ERASING, Status.ERASED)

    def differences(self, earlier: "Profile") -> Sequence[str]:
        """Name what changed since `earlier`, its bookkeeping and the details of a suspension apart."""
        names = (field.name for field in fields(self))
        apart = {"version", "updated_at", "status_until", "status_reason"}
        return [name for name in names if name not in apart and getattr(self, name) != getattr(earlier, name)]

    def _changed(self, next_: Self, now: datetime) -> Self:
        return self if next_ == self else replace(next_, version=self.version + 1, updated_at=now)
