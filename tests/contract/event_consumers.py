"""Everybody who reads events, by the name of their consumer group, and the tables that they write."""

import contextlib
from collections.abc import Iterator, Mapping
from datetime import timedelta

from redis.asyncio import Redis
from sqlalchemy import create_engine
from sqlalchemy.schema import CreateSchema

from admin_service.infrastructure import facts as admin_facts
from admin_service.infrastructure.tables import ArchiveRow
from common_auth.invalidation import AccessInvalidations
from common_auth.revocations import Revocations
from common_events.handlers import Handling
from common_service.clock import utc_now
from common_service.database import sqlalchemy_url
from common_service.ids import uuid7
from common_service.testing import empty_database
from payment_service.infrastructure import user_events as payment_facts
from payment_service.infrastructure.erasure_repository import ErasureRow
from story_service.application.close_generation import CloseGeneration
from story_service.application.stop_generation import StopGeneration
from story_service.application.stop_suspended import StopSuspended
from story_service.infrastructure.access_events import ACCESS_CHANGED, forgetting
from story_service.infrastructure.access_events import SOURCES as STORY_SOURCES
from story_service.infrastructure.erasing.tables import ErasureRow as StoryErasureRow
from story_service.infrastructure.user_events import standing_handlers, user_handlers
from user_service.infrastructure import heard_events as user_facts
from user_service.infrastructure.tables import UserRow

HEARERS = {
    "admin": ArchiveRow.metadata,
    "payment": ErasureRow.metadata,
    "users": UserRow.metadata,
    "story": StoryErasureRow.metadata,
}
A_PLAN = "INSERT INTO payment.plans (code, name, rank, is_default) VALUES ('free', 'Free', 0, true)"
"""Somebody's access is computed from plans: there is always one."""
HEARD_SOURCES = {
    "admin": admin_facts.SOURCES,
    "payment": payment_facts.SOURCES,
    "story.access": STORY_SOURCES,
    "user": user_facts.SOURCES,
}


def handlers(consumer: str, redis: Redis) -> Mapping[str, Handling]:
    """Return what a consumer does with each type."""
    others: dict[str, Mapping[str, Handling]] = {
        "admin": admin_facts.handlers(),
        "payment": payment_facts.handlers(utc_now, 30),
        "user": user_facts.HeardEvents(utc_now, uuid7, Revocations(redis).publish, timedelta(days=30)).handlers(),
    }
    return others.get(consumer) or {
        ACCESS_CHANGED: forgetting(AccessInvalidations(redis)),
        **user_handlers(),
        **standing_handlers(StopSuspended(StopGeneration(CloseGeneration({}, utc_now), {}))),
    }


@contextlib.contextmanager
def database_of_hearers() -> Iterator[str]:
    """Yield the address of a database with the tables of those who write what they hear."""
    with empty_database() as url:
        engine = create_engine(sqlalchemy_url(url))
        with engine.begin() as connection:
            for schema, metadata in HEARERS.items():
                connection.execute(CreateSchema(schema))
                metadata.create_all(connection)
        engine.dispose()
        yield url
