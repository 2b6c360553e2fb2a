"""Domain events as the others read them (events-and-states.md, section 8): the wire names live here alone."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from common_events.outbox import Fact, SqlOutbox
from user_service.domain.events import Event, UserRegistered, UserStatusChanged
from user_service.domain.profile import Profile
from user_service.infrastructure.tables import MESSAGING


class SqlEvents:
    """Writes events to the outbox of this transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._outbox = SqlOutbox(session, MESSAGING)

    async def add(self, event: Event) -> None:
        """Tell of an event when the transaction commits."""
        await self._outbox.add(fact_of(event))


def fact_of(event: Event) -> Fact:
    """Return an event as a fact about the person, ordered by the version of the profile."""
    profile, data = event.profile, _index_of(event.profile)
    if isinstance(event, UserRegistered):
        kind = "user.registered"
    elif isinstance(event, UserStatusChanged):
        kind, data = "user.status_changed", _standing_of(profile, event.reason)
    else:
        kind = "user.updated"
        data["changed"] = list(event.changed)
    return Fact(
        type=kind,
        partition_key=str(profile.id),
        aggregate_version=profile.version,
        data=data,
        occurred_at=profile.updated_at,
        subject=profile.id,
    )


def _standing_of(profile: Profile, reason: str) -> dict[str, Any]:
    return {
        "user_id": str(profile.id),
        "status": profile.status.value,
        "until": profile.status_until.isoformat() if profile.status_until else None,
        "reason": reason,
        "version": profile.version,
    }


def _index_of(profile: Profile) -> dict[str, Any]:
    """Return everything that an index of people holds, in each event: a late older one can then be dropped."""
    return {
        "user_id": str(profile.id),
        "email": profile.email,
        "display_name": profile.display_name,
        "locale": profile.locale,
        "country": profile.country,
        "status": profile.status.value,
        "version": profile.version,
    }
