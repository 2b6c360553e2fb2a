"""Suspends and reinstates people: the identity provider first, then the row, and with it what everybody is told."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from user_service.application.notify import notify
from user_service.application.ports import Clock, Doors, NewId, StartWork
from user_service.domain.account_notices import status_changed
from user_service.domain.errors import UnknownUser, UntilInPast
from user_service.domain.events import StatusReason, UserStatusChanged, UserUpdated
from user_service.domain.profile import Profile, UserId


@dataclass(frozen=True, slots=True)
class ChangeStatus:
    """Raises UnknownUser, UserLeaving, IdentityProviderUnavailable. Asked again, it does the same again, harmlessly."""

    start_work: StartWork
    doors: Doors
    now: Clock
    new_id: NewId

    async def suspend(self, user_id: UserId, until: datetime | None, reason: str, told: StatusReason) -> Profile:
        """Shut somebody out, until then or for good. Raises UntilInPast too."""
        if until is not None and until <= self.now():
            raise UntilInPast
        ends_at = until and until.astimezone(UTC)

        def suspended(profile: Profile) -> Profile:
            return profile.suspended(ends_at, reason, self.now())

        await self.doors.shut((await self._allowed(user_id, suspended)).username)
        return await self._change(user_id, suspended, told)

    async def reinstate(self, user_id: UserId, told: StatusReason) -> Profile:
        """Let somebody in again."""

        def reinstated(profile: Profile) -> Profile:
            return profile.reinstated(self.now())

        await self.doors.open((await self._allowed(user_id, reinstated)).username)
        return await self._change(user_id, reinstated, told)

    async def _allowed(self, user_id: UserId, change: Callable[[Profile], Profile]) -> Profile:
        """Return the profile if the change is one that may be made."""
        async with self.start_work() as work:
            profile = await work.profiles.of(user_id)
        if profile is None:
            raise UnknownUser
        return change(profile)

    async def _change(self, user_id: UserId, change: Callable[[Profile], Profile], told: StatusReason) -> Profile:
        async with self.start_work() as work:
            known = await work.profiles.of(user_id, for_update=True)
            if known is None:
                raise UnknownUser
            profile = change(known)
            if profile != known:
                await work.profiles.save(profile)
                if changed := profile.differences(known):
                    await work.events.add(UserUpdated(profile, changed))
                await work.events.add(UserStatusChanged(profile, told))
                await notify(work, user_id, status_changed(profile), profile.updated_at, self.new_id)
                await work.commit()
        return profile
