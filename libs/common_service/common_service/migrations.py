"""Runs a service's alembic environment inside its own schema, never waiting long for a lock.

The database is the one that `DATABASE_URL` names: an attribute of Alembic's configuration, or else the environment.
"""

import os
from typing import Any

from alembic import context
from sqlalchemy import MetaData, create_engine, pool, text

from common_service.database import sqlalchemy_url

DATABASE_URL = "DATABASE_URL"
_LOCK_TIMEOUT = "5s"


def run_migrations(metadata: MetaData) -> None:
    """Be the body of `migrations/env.py`. The version table lives in the schema of `metadata`.

    Raises KeyError where nothing names a database, and what a migration raises.
    """
    schema = metadata.schema
    options: dict[str, Any] = {
        "target_metadata": metadata,
        "version_table_schema": schema,
        "include_schemas": True,
        "include_name": lambda name, kind, _parents: kind != "schema" or name == schema,
        "compare_server_default": False,
    }
    if context.is_offline_mode():
        context.configure(dialect_name="postgresql", literal_binds=True, **options)
        with context.begin_transaction():
            context.run_migrations()
        return
    url = context.config.attributes.get(DATABASE_URL) or os.environ[DATABASE_URL]
    engine = create_engine(sqlalchemy_url(url), poolclass=pool.NullPool)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
        connection.execute(text(f"SET lock_timeout = '{_LOCK_TIMEOUT}'"))
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()
