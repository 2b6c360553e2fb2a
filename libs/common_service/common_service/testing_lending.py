"""For tests of services: databases that are lent to one test after another, since to copy one costs more than a test.

    lender = DatabaseLender(template)
    with lender.lent() as url: ...

A database comes back as the migrations leave it, and under a new name: who still holds the old one, finds nothing.
"""

import contextlib
import os
from collections.abc import Iterator
from uuid import uuid4

import psycopg
from psycopg import sql

from common_service.testing import TemplateDatabase, create_database, drop_database, owner_url

_COLUMNS = """
SELECT table_name, array_agg(column_name::text) FROM information_schema.columns JOIN information_schema.tables
USING (table_schema, table_name) WHERE table_schema = %s AND table_type = 'BASE TABLE' AND is_generated = 'NEVER'
GROUP BY table_name
"""
_SEQUENCES = "SELECT sequencename, coalesce(last_value, start_value), last_value IS NOT NULL FROM pg_sequences"
_OBJECTS = """
SELECT (SELECT count(*) + max(oid::bigint) FROM pg_class WHERE relnamespace = to_regnamespace(%(schema)s)),
    (SELECT count(*) FROM pg_trigger), (SELECT count(*) FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%%')
"""
_BUSY = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"


class DatabaseLender:
    """Lends databases made from one template. One process uses it, and one thread."""

    def __init__(self, template: TemplateDatabase) -> None:
        self._template, self._idle, self._restore = template, list[str](), sql.Composed([])
        self._objects: object = None

    @contextlib.contextmanager
    def lent(self) -> Iterator[str]:
        """Yield the service's URL of a database that holds what the migrations put there."""
        name = self._idle.pop() if self._idle else self._made()
        try:
            yield self._template.url_of(name)
        finally:
            self._take_back(name)

    def close(self) -> None:
        """Drop all that came back."""
        while self._idle:
            drop_database(self._idle.pop())

    def _made(self) -> str:
        name = f"test_{uuid4().hex}"
        create_database(name, self._template.name)
        with psycopg.connect(owner_url(name), autocommit=True) as connection:
            self._restore = self._keep_contents(connection)
            self._objects = self._objects_of(connection)
        return name

    def _take_back(self, name: str) -> None:
        """Undo what the test did, or drop the database if that was more than rows."""
        with psycopg.connect(os.environ["TEST_DATABASE_URL"], autocommit=True) as server:
            server.execute(_BUSY, [name])
            new = f"test_{uuid4().hex}"
            server.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(new)))
        with psycopg.connect(owner_url(new)) as connection:
            as_it_was = self._objects_of(connection) == self._objects
            if as_it_was:
                connection.execute(self._restore)
        if as_it_was:
            self._idle.append(new)
        else:
            drop_database(new)

    def _objects_of(self, connection: psycopg.Connection) -> object:
        return connection.execute(_OBJECTS, {"schema": self._template.schema}).fetchone()

    def _keep_contents(self, connection: psycopg.Connection) -> sql.Composed:
        """Copy what the tables hold, and return the statements that bring it back."""
        schema, connected = self._template.schema, connection.execute
        connected("CREATE SCHEMA pristine")
        steps: list[sql.Composable] = [sql.SQL("SET LOCAL session_replication_role = replica")]
        for table, columns in connected(_COLUMNS, [schema]).fetchall():
            where, kept = sql.Identifier(schema, table), sql.Identifier("pristine", table)
            names = sql.SQL(", ").join(sql.Identifier(column) for column in columns)
            steps.append(sql.SQL("DELETE FROM {}").format(where))
            if connected(sql.SQL("SELECT FROM {} LIMIT 1").format(where)).fetchone() is None:
                continue
            connected(sql.SQL("CREATE TABLE {} AS SELECT {} FROM {}").format(kept, names, where))
            back = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}")
            steps.append(back.format(where, names, names, kept))
        for name, last, called in connected(_SEQUENCES + " WHERE schemaname = %s", [schema]).fetchall():
            sequence = sql.Literal(sql.Identifier(schema, name).as_string(connection))
            steps.append(sql.SQL("SELECT setval({}, {}, {})").format(sequence, last, called))
        return sql.SQL("; ").join(steps)
