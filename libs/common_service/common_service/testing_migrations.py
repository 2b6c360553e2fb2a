"""For tests of a service's migrations: run them on a database of their own, and compare what they make."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import psycopg
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, create_engine
from sqlalchemy.schema import CreateSchema, DropSchema

from common_service.database import sqlalchemy_url
from common_service.testing import TemplateDatabase, alembic, empty_database, owner_url

_COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity FROM information_schema.columns
WHERE table_schema = %(schema)s
"""
_CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = to_regnamespace(%(schema)s) AND contype <> 'n'
"""
_INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = %(schema)s"

Shape: TypeAlias = set[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Migrations:
    """The migrations of one service, and the schema that they work on, in the database at `url`."""

    service: Path
    schema: str
    url: str

    def run(self, *words: str) -> str:
        """Run Alembic, and return what it prints."""
        return alembic(self.service, self.url, *words)

    def shape(self) -> Shape:
        """Return every column, constraint and index, as Postgres understood it; the first member names the table."""
        with psycopg.connect(self.url) as connection:
            queries = (
                connection.execute(query, {"schema": self.schema}) for query in (_COLUMNS, _CONSTRAINTS, _INDEXES)
            )
            return {row for found in queries for row in found if "alembic_version" not in str(row[0])}

    def stairway(self) -> tuple[Shape, Shape, Shape]:
        """Go up, down and up again; return the shape on each landing."""
        shapes = []
        for words in (("upgrade", "head"), ("downgrade", "base"), ("upgrade", "head")):
            self.run(*words)
            shapes.append(self.shape())
        return shapes[0], shapes[1], shapes[2]

    def differences(self, metadata: MetaData) -> list[object]:
        """Return what Alembic and Postgres find different between the migrated schema and the one described."""
        self.run("upgrade", "head")
        migrated, engine = self.shape(), create_engine(sqlalchemy_url(self.url))
        options = {
            "include_schemas": True,
            "include_name": lambda name, kind, _: kind != "schema" or name == self.schema,
            "include_object": lambda _, name, kind, *__: not (kind == "table" and name == "alembic_version"),
        }
        with engine.connect() as connection:
            found = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
        with engine.begin() as connection:
            connection.execute(DropSchema(self.schema, cascade=True))
            connection.execute(CreateSchema(self.schema))
            metadata.create_all(connection)
        engine.dispose()
        return [*found, *sorted(migrated ^ self.shape(), key=str)]


@contextlib.contextmanager
def migrations_of(template: TemplateDatabase) -> Iterator[Migrations]:
    """Yield the migrations that the template was made with, on an empty database."""
    with empty_database() as url:
        yield Migrations(template.service, template.schema, url)


def freedoms(template: TemplateDatabase, table: str) -> list[str]:
    """Return what the login role can do and must not: in another's schema, in its own, and to its own `table`."""
    own = template.schema
    forbidden = ("SELECT * FROM neighbour.secrets", f"CREATE TABLE {own}.mine (id int)", f"DROP TABLE {own}.{table}")
    with template.clone() as url:
        with psycopg.connect(owner_url(url.rpartition("/")[2]), autocommit=True) as owner:
            owner.execute("CREATE SCHEMA neighbour")
            owner.execute("CREATE TABLE neighbour.secrets (id integer)")
        with psycopg.connect(url, autocommit=True) as connection:
            return [statement for statement in forbidden if not _is_refused(connection, statement)]


def _is_refused(connection: psycopg.Connection, statement: str) -> bool:
    try:
        connection.execute(statement.encode())
    except psycopg.errors.InsufficientPrivilege:
        return True
    return False
