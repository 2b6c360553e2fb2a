"""Changes to a profile by the person it tells of: an edit under a version, a consent at any time."""

from collections.abc import Callable
from dataclasses import dataclass

from user_service.application.ports import Clock, StartWork
from user_service.domain.consent import ConsentKind
from user_service.domain.errors import NotProvisioned
from user_service.domain.events import UserUpdated
from user_service.domain.profile import Profile, ProfileEdit, UserId


@dataclass(frozen=True, slots=True)
class EditProfile:
    """Changes name, language or country."""

    start_work: StartWork
    now: Clock

    async def __call__(self, user_id: UserId, edit: ProfileEdit, *, version: int) -> Profile:
        """Return the profile after the edit. Raises NotProvisioned, VersionConflict."""

        def edited(profile: Profile) -> Profile:
            profile.require(version)
            return profile.edited(edit, self.now())

        return await _change(self.start_work, user_id, edited)


@dataclass(frozen=True, slots=True)
class RecordConsent:
    """Notes that a consent was given or withdrawn."""

    start_work: StartWork
    now: Clock

    async def __call__(self, user_id: UserId, kind: ConsentKind, version: str, *, given: bool) -> Profile:
        """Return the profile with the consent. Raises NotProvisioned."""
        return await _change(
            self.start_work,
            user_id,
            lambda profile: profile.consenting(kind, version, given=given, now=self.now()),
        )


async def _change(start_work: StartWork, user_id: UserId, change: Callable[[Profile], Profile]) -> Profile:
    """Apply a change to the locked profile and tell of it, unless it changes nothing."""
    async with start_work() as work:
        known = await work.profiles.of(user_id, for_update=True)
        if known is None:
            raise NotProvisioned
        profile = change(known)
        if profile != known:
            await work.profiles.save(profile)
            await work.events.add(UserUpdated(profile, profile.differences(known)))
            await work.commit()
        return profile
