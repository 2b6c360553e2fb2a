"""An admin lays something over a person's plan for a while, or takes it off before its time."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from payment_service.application.access_changes import amending
from payment_service.application.keyed_changes import Kept, Made, once
from payment_service.application.ports import Attempt, Clock, NewId, StartWork, Work
from payment_service.domain.access import Cause
from payment_service.domain.errors import OverrideNotFound
from payment_service.domain.ids import UserId
from payment_service.domain.overrides import Effect, Override, check_expiry


@dataclass(frozen=True, slots=True)
class OverrideWish:
    """What an admin asks for; without `starts_at`, from now on."""

    user_id: UserId
    effect: Effect
    feature: str
    limit: int | None
    starts_at: datetime | None
    expires_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class AddOverride:
    """Raises ExpiryRequired, ExpiryInPast, ExpiryTooFar, FeatureUnknown, OverrideUnfit, and those of a reused key."""

    start_work: StartWork
    now: Clock
    new_id: NewId
    ttl_seconds: int

    async def __call__(self, attempt: Attempt, wish: OverrideWish) -> Kept:
        """Keep the override and compute access anew, in one transaction. The admin is whose attempt this is."""
        return await once(self.start_work, attempt, self.now(), partial(self._add, attempt, wish))

    async def _add(self, attempt: Attempt, wish: OverrideWish, work: Work) -> Made:
        override = self._override(attempt, wish)
        cause = Cause("override", str(override.id), override.created_by)
        async with amending(work, wish.user_id, cause, override.created_at, self.ttl_seconds) as catalogue:
            override.check(catalogue, override.created_at)
            override = _in_utc(override)
            await work.overrides.put(override)
        return override.document(), override.id

    def _override(self, attempt: Attempt, wish: OverrideWish) -> Override:
        now = self.now()
        starts_at = max(wish.starts_at or now, now)
        return Override(
            id=self.new_id(),
            user_id=wish.user_id,
            effect=wish.effect,
            feature=wish.feature,
            starts_at=starts_at,
            expires_at=check_expiry(starts_at, wish.expires_at, now),
            reason=wish.reason,
            created_by=attempt.user_id,
            created_at=now,
            limit=wish.limit,
        )


@dataclass(frozen=True, slots=True)
class RevokeOverride:
    """Raises OverrideNotFound, AlreadyRevoked."""

    start_work: StartWork
    now: Clock
    ttl_seconds: int

    async def __call__(self, override_id: UUID, actor: UUID, reason: str) -> Override:
        """End the override now and compute access anew, in one transaction."""
        async with self.start_work() as work:
            user_id = (await self._known(work, override_id)).user_id
            now, cause = self.now(), Cause("override", str(override_id), actor)
            async with amending(work, user_id, cause, now, self.ttl_seconds):
                revoked = (await self._known(work, override_id)).revoked(actor, reason, now)
                await work.overrides.put(revoked)
            await work.commit()
        return revoked

    async def _known(self, work: Work, override_id: UUID) -> Override:
        override = await work.overrides.get(override_id)
        if override is None:
            raise OverrideNotFound
        return override


def _in_utc(override: Override) -> Override:
    return replace(
        override, starts_at=override.starts_at.astimezone(UTC), expires_at=override.expires_at.astimezone(UTC)
    )
