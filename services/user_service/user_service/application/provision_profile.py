"""The first call of everybody who signed in; harmless to repeat, and to repeat at once."""

from dataclasses import dataclass

from user_service.application.ports import Clock, Identities, StartWork, Work
from user_service.domain.errors import EmailInUse
from user_service.domain.events import UserRegistered, UserUpdated
from user_service.domain.identity import Identity
from user_service.domain.profile import Profile, UserId
from user_service.domain.reading_settings import ReadingSettings


@dataclass(frozen=True, slots=True)
class ProvisionProfile:
    """Makes the profile of a signed-in person, or brings its e-mail address up to date."""

    start_work: StartWork
    identities: Identities
    now: Clock

    async def __call__(self, user_id: UserId, id_token: str) -> tuple[Profile, bool]:
        """Return the profile and whether it is new. Raises IdTokenInvalid, EmailInUse."""
        identity = await self.identities.of(id_token, user_id)
        async with self.start_work() as work:
            known = await work.profiles.of(user_id)
            profile = self._new(user_id, identity)
            if known is None and await work.profiles.add(profile):
                await work.settings.save(user_id, ReadingSettings(updated_at=profile.created_at))
                await work.events.add(UserRegistered(profile))
                await work.commit()
                return profile, True
            return await self._existing(work, user_id, identity), False

    async def _existing(self, work: Work, user_id: UserId, identity: Identity) -> Profile:
        known = await work.profiles.of(user_id, for_update=True)
        if known is None:
            raise EmailInUse
        profile = known.identified(identity.email, verified=identity.email_verified, now=self.now())
        if profile != known:
            await work.profiles.save(profile)
            await work.events.add(UserUpdated(profile, profile.differences(known)))
            await work.commit()
        return profile

    def _new(self, user_id: UserId, identity: Identity) -> Profile:
        now = self.now()
        return Profile(
            id=user_id,
            username=identity.username,
            email=identity.email,
            email_verified=identity.email_verified,
            created_at=now,
            updated_at=now,
        )
