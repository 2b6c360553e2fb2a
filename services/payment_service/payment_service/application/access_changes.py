"""Computes somebody's access inside a transaction, and appends a version when it came out different.

Whoever is about to change what access is computed from calls `draw_edges` first: what passed by itself before belongs
to the history as it was, at the instant at which it passed.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from payment_service.application.ports import Work
from payment_service.domain.access import AccessVersion, Cause, access_of, first_access
from payment_service.domain.events import access_changed
from payment_service.domain.ids import UserId
from payment_service.domain.json_text import rfc3339
from payment_service.domain.plans import Catalogue
from payment_service.domain.subscription import governing


async def recompute_access(
    work: Work, user_id: UserId, catalogue: Catalogue, cause: Cause, now: datetime, ttl_seconds: int
) -> AccessVersion:
    """Return the version in force afterwards. The caller has locked the person, and commits.

    Whoever read the clock before waiting for the lock may find a younger version: what is computed then holds from its
    beginning, so no edge that was drawn meanwhile comes undone.
    """
    current = await work.accesses.current(user_id) or first_access(user_id, catalogue, now)
    now = max(now, current.valid_from)
    access = access_of(
        governing(await work.subscriptions.of(user_id)),
        catalogue,
        now,
        await work.overrides.of(user_id, now),
        await work.grants.of(user_id, now),
    )
    plan = catalogue.plans[access.plan_code]
    if (access, plan.rank) == (current.access, current.plan_rank):
        return current
    version = current.followed_by(access, plan, cause, now)
    await work.accesses.append(version)
    await work.outbox.add(access_changed(version, ttl_seconds))
    return version


async def draw_edges(
    work: Work, user_id: UserId, catalogue: Catalogue, now: datetime, ttl_seconds: int
) -> AccessVersion | None:
    """Append a version for every edge that has passed, in force from its own instant, however late it is drawn.

    Return the version in force at `now`, None for somebody who has none. The caller has locked the person, and commits.
    """
    current = await work.accesses.current(user_id)
    while current is not None and (edge := current.access.next_change_at) is not None and edge <= now:
        cause = Cause("timer", rfc3339(edge) or "")
        current = await recompute_access(work, user_id, catalogue, cause, edge, ttl_seconds)
    return current


@asynccontextmanager
async def amending(
    work: Work, user_id: UserId, cause: Cause, now: datetime, ttl_seconds: int
) -> AsyncIterator[Catalogue]:
    """Hold a person while the body changes what their access is computed from; afterwards it is computed anew.

    The caller commits.
    """
    await work.lock_user(user_id)
    catalogue = await work.plans.catalogue()
    await draw_edges(work, user_id, catalogue, now, ttl_seconds)
    yield catalogue
    await recompute_access(work, user_id, catalogue, cause, now, ttl_seconds)
