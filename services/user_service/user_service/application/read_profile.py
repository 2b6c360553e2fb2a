"""Reading one profile: one's own, or anybody's on behalf of another service."""

from dataclasses import dataclass

from user_service.application.ports import StartWork
from user_service.domain.errors import NotProvisioned, UnknownUser
from user_service.domain.profile import Profile, UserId


@dataclass(frozen=True, slots=True)
class ReadProfile:
    """Reads the caller's own profile."""

    start_work: StartWork

    async def __call__(self, user_id: UserId) -> Profile:
        """Return it. Raises NotProvisioned."""
        async with self.start_work() as work:
            profile = await work.profiles.of(user_id)
        if profile is None:
            raise NotProvisioned
        return profile


@dataclass(frozen=True, slots=True)
class ReadUser:
    """Reads the profile of somebody else."""

    start_work: StartWork

    async def __call__(self, user_id: UserId) -> Profile:
        """Return it. Raises UnknownUser."""
        async with self.start_work() as work:
            profile = await work.profiles.of(user_id)
        if profile is None:
            raise UnknownUser
        return profile
