"""Whom the house has suspended may use nothing that is sold: a deny override by rule, lifted with the suspension."""

from datetime import datetime, timedelta
from uuid import UUID, uuid5

from payment_service.application.access_changes import amending
from payment_service.application.access_ports import Standing
from payment_service.application.denials import BY_RULE
from payment_service.application.ports import Work
from payment_service.domain.access import Cause
from payment_service.domain.overrides import EVERYTHING, Override

_SUSPENSIONS = UUID("6f1b7d52-6c1e-4f0e-9a3b-0d0f2c7a5e11")
_FOR_GOOD = timedelta(days=36_525)
"""An override ends: one without an end of its own ends when nobody is left to mind."""


async def follow_standing(work: Work, standing: Standing, now: datetime, ttl_seconds: int) -> None:
    """Let what user_service says stand, unless something younger is known. The caller commits.

    The override is named for person and version of the profile, so it is one however often it is told.
    """
    await work.lock_user(standing.user_id)
    if not await work.standings.learn(standing):
        return
    override_id = uuid5(_SUSPENSIONS, f"{standing.user_id}:{standing.version}")
    cause = Cause("override", str(override_id))
    async with amending(work, standing.user_id, cause, now, ttl_seconds):
        for old in await work.overrides.of(standing.user_id, now):
            if (old.created_by, old.source) == (BY_RULE, "moderation"):
                await work.overrides.put(old.revoked(BY_RULE, "the status has changed", now))
        if standing.is_suspended:
            await work.overrides.put(_denial(override_id, standing, now))


def _denial(override_id: UUID, standing: Standing, now: datetime) -> Override:
    return Override(
        id=override_id,
        user_id=standing.user_id,
        effect="deny",
        feature=EVERYTHING,
        starts_at=standing.since,
        expires_at=standing.until or standing.since + _FOR_GOOD,
        reason="the account is suspended",
        created_by=BY_RULE,
        created_at=now,
        source="moderation",
    )
