"""An admin gives somebody units on top of the plan, or takes them back."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from payment_service.application.access_changes import amending
from payment_service.application.keyed_changes import Kept, Made, once
from payment_service.application.ports import Attempt, Clock, NewId, StartWork, Work
from payment_service.domain.access import Cause
from payment_service.domain.access_facts import grant_fact
from payment_service.domain.errors import GrantNotFound
from payment_service.domain.grants import Grant, GrantSource
from payment_service.domain.ids import UserId
from payment_service.domain.overrides import check_expiry


@dataclass(frozen=True, slots=True)
class GrantWish:
    """What an admin asks for; without `effective_at`, from now on; without `source_ref`, for a reason of its own."""

    user_id: UserId
    meter: str
    amount: int
    priority: int
    effective_at: datetime | None
    expires_at: datetime | None
    source: GrantSource
    source_ref: str | None


@dataclass(frozen=True, slots=True)
class AddGrant:
    """Raises ExpiryRequired, ExpiryInPast, ExpiryTooFar, MeterUnknown, AlreadyGranted, and those of a reused key."""

    start_work: StartWork
    now: Clock
    new_id: NewId
    ttl_seconds: int

    async def __call__(self, attempt: Attempt, wish: GrantWish) -> Kept:
        """Keep the grant, tell of it and compute access anew, in one transaction."""
        return await once(self.start_work, attempt, self.now(), partial(self._add, attempt, wish))

    async def _add(self, attempt: Attempt, wish: GrantWish, work: Work) -> Made:
        grant = self._grant(attempt, wish)
        cause = Cause("grant", str(grant.id), grant.created_by)
        async with amending(work, wish.user_id, cause, grant.created_at, self.ttl_seconds) as catalogue:
            grant.check(catalogue, grant.created_at)
            await work.grants.add(grant)
            await work.outbox.add(grant_fact("granted", grant, grant.created_at))
        return grant.record(), grant.id

    def _grant(self, attempt: Attempt, wish: GrantWish) -> Grant:
        now, grant_id = self.now(), self.new_id()
        effective_at = max(wish.effective_at or now, now)
        made = Grant(
            id=grant_id,
            user_id=wish.user_id,
            meter=wish.meter,
            amount=wish.amount,
            effective_at=effective_at,
            expires_at=check_expiry(effective_at, wish.expires_at, now),
            source=wish.source,
            source_ref=wish.source_ref or str(grant_id),
            created_at=now,
            created_by=attempt.user_id,
            priority=wish.priority,
        )
        return replace(made, effective_at=made.effective_at.astimezone(UTC), expires_at=made.expires_at.astimezone(UTC))


@dataclass(frozen=True, slots=True)
class VoidGrant:
    """Raises GrantNotFound, AlreadyVoided."""

    start_work: StartWork
    now: Clock
    ttl_seconds: int

    async def __call__(self, grant_id: UUID, actor: UUID, reason: str) -> Grant:
        """Take the grant back now, tell of it and compute access anew, in one transaction."""
        async with self.start_work() as work:
            user_id = (await self._known(work, grant_id)).user_id
            now, cause = self.now(), Cause("grant", str(grant_id), actor)
            async with amending(work, user_id, cause, now, self.ttl_seconds):
                voided = (await self._known(work, grant_id)).voided(actor, reason, now)
                await work.grants.void(voided)
                await work.outbox.add(grant_fact("voided", voided, now))
            await work.commit()
        return voided

    async def _known(self, work: Work, grant_id: UUID) -> Grant:
        grant = await work.grants.get(grant_id)
        if grant is None:
            raise GrantNotFound
        return grant
