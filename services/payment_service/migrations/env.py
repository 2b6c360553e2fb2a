"""Alembic's entry: the tables of this service, over DATABASE_URL."""

from common_service.migrations import run_migrations
from payment_service.infrastructure.tables import Row

run_migrations(Row.metadata)
