"""Everybody who reads events, by the name of their consumer group, and the tables that they write."""

from collections.abc import Mapping

from redis.asyncio import Redis

from admin_service.infrastructure import facts as admin_facts
from admin_service.infrastructure.tables import ArchiveRow
from common_auth.invalidation import AccessInvalidations
from common_events.handlers import Handling
from common_service.clock import utc_now
from common_service.ids import uuid7
from payment_service.infrastructure import user_events as payment_facts
from payment_service.infrastructure.erasure_repository import ErasureRow
from story_service.infrastructure.access_events import ACCESS_CHANGED, forgetting
from user_service.infrastructure import heard_events as user_facts
from user_service.infrastructure.tables import UserRow

HEARERS = {"admin": ArchiveRow.metadata, "payment": ErasureRow.metadata, "users": UserRow.metadata}
HEARD_SOURCES = {
    "admin": admin_facts.SOURCES,
    "payment": payment_facts.SOURCES,
    "user": user_facts.SOURCES,
}


def handlers(consumer: str, redis: Redis) -> Mapping[str, Handling]:
    """Return what a consumer does with each type."""
    others: dict[str, Mapping[str, Handling]] = {
        "admin": admin_facts.handlers(),
        "payment": payment_facts.handlers(),
        "user": user_facts.HeardEvents(utc_now, uuid7).handlers(),
    }
    return others.get(consumer) or {ACCESS_CHANGED: forgetting(AccessInvalidations(redis))}
