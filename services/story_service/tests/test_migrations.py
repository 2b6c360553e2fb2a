"""The migrations: up, down and up again; rows and constraints that equal the schema; a role that stays at home."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql
from sqlalchemy import create_engine

from common_service.database import sqlalchemy_url
from story_service.infrastructure.tables import Row

SERVICE = Path(__file__).parents[1]


@pytest.fixture
def new_database() -> Iterator[str]:
    """Return the owner's address of an empty database."""
    server, name = os.environ["TEST_DATABASE_URL"], f"stairway_{uuid4().hex[:8]}"
    _execute(server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield f"{server.rpartition('/')[0]}/{name}"
    _execute(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_every_step_goes_up_down_and_up_again(new_database: str) -> None:
    for words in (["upgrade", "head"], ["downgrade", "base"]):
        _alembic(new_database, *words)
    assert _tables(new_database) == {"alembic_version"}
    _alembic(new_database, "upgrade", "head")
    assert {"stories", "generations", "outbox"} <= _tables(new_database)


def test_the_rows_equal_the_schema(new_database: str) -> None:
    _alembic(new_database, "upgrade", "head")
    engine = create_engine(sqlalchemy_url(new_database))
    options = {
        "include_schemas": True,
        "include_name": lambda name, kind, _: kind != "schema" or name == "story",
        "include_object": lambda _, name, kind, *__: not (kind == "table" and name == "alembic_version"),
    }
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), Row.metadata)
    assert differences == []
    migrated = _constraints(new_database)
    with engine.begin() as connection:
        Row.metadata.drop_all(connection)
        Row.metadata.create_all(connection)
    engine.dispose()
    assert migrated == _constraints(new_database)


def test_the_login_role_reads_its_own_schema_and_no_other(database_url: str) -> None:
    owner = f"{os.environ['TEST_DATABASE_URL'].rpartition('/')[0]}/{database_url.rpartition('/')[2]}"
    _execute(owner, sql.SQL("CREATE SCHEMA payment"))
    _execute(owner, sql.SQL("CREATE TABLE payment.secrets (id integer)"))
    with psycopg.connect(database_url, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM story.stories").fetchone() == (0,)
        for statement in (
            "SELECT * FROM payment.secrets",
            "CREATE TABLE story.mine (id int)",
            "DROP TABLE story.stories",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def _alembic(url: str, *words: str) -> None:
    command = [sys.executable, "-m", "alembic", "-c", str(SERVICE / "alembic.ini"), *words]
    done = subprocess.run(command, env={**os.environ, "DATABASE_URL": url}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        query = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'story'"
        return {name for (name,) in connection.execute(query).fetchall()}


def _constraints(url: str) -> set[tuple[str, str]]:
    """Return every constraint and index, as Postgres understood it."""
    constraints = (
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'story'::regnamespace"
    )
    indexes = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'story'"
    with psycopg.connect(url) as connection:
        rows = connection.execute(constraints).fetchall() + connection.execute(indexes).fetchall()
    return {(name, definition) for name, definition in rows if "alembic" not in name}


def _execute(url: str, statement: sql.SQL | sql.Composed) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
