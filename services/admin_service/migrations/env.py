"""Alembic's entry: the rows of this service, in its own schema."""

from admin_service.infrastructure.tables import Row
from common_service.migrations import run_migrations

run_migrations(Row.metadata)
