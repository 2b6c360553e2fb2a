"""Alembic's way in: the metadata of the schema, and DATABASE_URL of its owner."""

from common_service.migrations import run_migrations
from story_service.infrastructure.tables import Row

run_migrations(Row.metadata)
