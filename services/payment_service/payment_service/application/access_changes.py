"""Computes somebody's access inside a transaction, and appends a version when it came out different."""

from datetime import datetime

from payment_service.application.ports import Work
from payment_service.domain.access import AccessVersion, Cause, access_of, first_access
from payment_service.domain.events import access_changed
from payment_service.domain.ids import UserId
from payment_service.domain.plans import Catalogue
from payment_service.domain.subscription import governing


async def recompute_access(
    work: Work, user_id: UserId, catalogue: Catalogue, cause: Cause, now: datetime, ttl_seconds: int
) -> AccessVersion:
    """Return the version in force afterwards. The caller has locked the person, and commits."""
    current = await work.accesses.current(user_id) or first_access(user_id, catalogue, now)
    access = access_of(governing(await work.subscriptions.of(user_id)), catalogue, now)
    if access == current.access:
        return current
    version = current.followed_by(access, catalogue.plans[access.plan_code], cause, now)
    await work.accesses.append(version)
    await work.outbox.add(access_changed(version, ttl_seconds))
    return version
