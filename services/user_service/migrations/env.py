"""Alembic's entry: the rows of this service, in its own schema."""

from common_service.migrations import run_migrations
from user_service.infrastructure.tables import Row

run_migrations(Row.metadata)
