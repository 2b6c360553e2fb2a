"""Suspensions that nobody asks for by a request: those that strikes bring, and the end of those that time ends."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from user_service.application.change_status import ChangeStatus
from user_service.application.ports import Clock, PendingSuspension, StartWork
from user_service.domain.errors import IdentityProviderUnavailable, UnknownUser, UserLeaving
from user_service.domain.profile import Profile, Status, UserId

log = logging.getLogger("suspensions")
_LEASE = timedelta(seconds=30)
_BATCH = 100
_BY_STRIKES = "Too many strikes stand against this account."


@dataclass(frozen=True, slots=True)
class SuspendStruck:
    """Does what the strikes of people ask for, one by one. While the identity provider is away they wait."""

    start_work: StartWork
    change_status: ChangeStatus
    now: Clock

    async def __call__(self) -> bool:
        """Do one; tell whether there may be more."""
        async with self.start_work() as work:
            asked = await work.suspensions.claim(self.now(), _LEASE)
            profile = await work.profiles.of(asked.user_id) if asked else None
            await work.commit()
        if asked is None:
            return False
        if profile is not None and not _reaches(profile, asked) and asked.until > self.now():
            try:
                await self.change_status.suspend(asked.user_id, asked.until, _BY_STRIKES, "strikes")
            except (UnknownUser, UserLeaving):
                pass  # nobody is left to be suspended
            except IdentityProviderUnavailable:
                log.warning("suspension waits", extra={"user_id": str(asked.user_id)})
                return True
        async with self.start_work() as work:
            await work.suspensions.done(asked)
            await work.commit()
        return True


def _reaches(profile: Profile, asked: PendingSuspension) -> bool:
    """Tell whether they are suspended for as long, or for good, already."""
    until = profile.status_until
    return profile.is_leaving or (profile.status is Status.SUSPENDED and (until is None or until >= asked.until))


@dataclass(frozen=True, slots=True)
class EndSuspensions:
    """Reinstates whose time has come."""

    start_work: StartWork
    change_status: ChangeStatus
    now: Clock

    async def __call__(self) -> bool:
        """Do one batch; tell whether there may be more."""
        async with self.start_work() as work:
            over = await work.profiles.overdue(self.now(), _BATCH)
        for user_id in over:
            if not await self._end(user_id):
                return False
        return len(over) == _BATCH

    async def _end(self, user_id: UserId) -> bool:
        try:
            await self.change_status.reinstate(user_id, "time")
        except (UnknownUser, UserLeaving):
            pass  # they left meanwhile
        except IdentityProviderUnavailable:
            log.warning("reinstatement waits", extra={"user_id": str(user_id)})
            return False
        return True
