"""Gives each service its schema and its login role, which may use that schema and nothing else.

    echo '[{"schema": "story", "role": "svc_story", "password": "..."}]' | python -m common_service.provisioning

Run with the DATABASE_URL of the owner, before the migrations. Harmless to repeat.
"""

import contextlib
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import errors, sql

_PAUSES = (0.02, 0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A service as the database knows it."""

    schema: str
    role: str
    password: str


def provision(url: str, tenants: Sequence[Tenant]) -> None:
    """Create or bring up to date every tenant. Raises psycopg.Error when `url` may not."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('truecrime.provisioning'))")
        database = connection.info.dbname
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        for tenant in tenants:
            _provision_shared_role(connection, tenant, database)
            _provision_schema(connection, tenant)


def _provision_shared_role(connection: psycopg.Connection, tenant: Tenant, database: str) -> None:
    """Roles belong to the whole server, the lock to one database: another one may be preparing the same role now."""
    for seconds in _PAUSES:
        with contextlib.suppress(errors.InternalError_, errors.DuplicateObject, errors.UniqueViolation):
            _provision_role(connection, tenant, database)
            return
        time.sleep(seconds)
    _provision_role(connection, tenant, database)


def _provision_role(connection: psycopg.Connection, tenant: Tenant, database: str) -> None:
    role, password = sql.Identifier(tenant.role), sql.Literal(tenant.password)
    exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [tenant.role]).fetchone()
    verb = sql.SQL("ALTER ROLE" if exists else "CREATE ROLE")  # a new role may nothing else, by default
    connection.execute(sql.SQL("{} {} LOGIN PASSWORD {}").format(verb, role, password))
    connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(database), role))


def _provision_schema(connection: psycopg.Connection, tenant: Tenant) -> None:
    names = {"schema": sql.Identifier(tenant.schema), "role": sql.Identifier(tenant.role)}
    for statement in (
        "CREATE SCHEMA IF NOT EXISTS {schema}",
        "GRANT USAGE ON SCHEMA {schema} TO {role}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE ON SEQUENCES TO {role}",
    ):
        connection.execute(sql.SQL(statement).format(**names))


def main() -> int:
    """Read tenants as JSON from standard input; say in one sentence what went wrong."""
    try:
        provision(os.environ["DATABASE_URL"], [Tenant(**tenant) for tenant in json.load(sys.stdin)])
    except psycopg.Error as error:
        sys.stderr.write(f"The database cannot be prepared: {str(error).strip().splitlines()[0]}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
