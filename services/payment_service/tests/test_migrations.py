"""The schema: made, taken back, made again; equal to what the rows describe; closed to other roles."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import create_engine
from sqlalchemy.schema import CreateSchema

from common_service.database import sqlalchemy_url
from common_service.testing import TemplateDatabase
from payment_service.infrastructure.tables import Row

SERVICE = Path(__file__).parents[1]
_CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'payment'::regnamespace AND contype <> 'n' AND conrelid::regclass::text !~ 'alembic_version'
"""
_INDEXES = (
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'payment' AND tablename !~ 'alembic'"
)
_COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity FROM information_schema.columns
WHERE table_schema = 'payment' AND table_name <> 'alembic_version'
"""


@pytest.fixture
def empty() -> Iterator[str]:
    """Return the address of a database without anything in it."""
    admin, name = os.environ["TEST_DATABASE_URL"], f"empty_{uuid4().hex}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield admin.rpartition("/")[0] + f"/{name}"
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def alembic(url: str, *words: str) -> str:
    command = [sys.executable, "-m", "alembic", "-c", str(SERVICE / "alembic.ini"), *words]
    done = subprocess.run(command, env={**os.environ, "DATABASE_URL": url}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def shape(url: str) -> set[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return {row for query in (_CONSTRAINTS, _INDEXES, _COLUMNS) for row in connection.execute(query)}


def test_up_down_up_leaves_the_same_schema(empty: str) -> None:
    alembic(empty, "upgrade", "head")
    first = shape(empty)
    alembic(empty, "downgrade", "base")
    assert shape(empty) == set()
    alembic(empty, "upgrade", "head")
    assert shape(empty) == first


def test_the_rows_describe_the_migrated_schema_to_the_last_check(empty: str) -> None:
    alembic(empty, "upgrade", "head")
    migrated = shape(empty)
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute("DROP SCHEMA payment CASCADE")
    engine = create_engine(sqlalchemy_url(empty))
    with engine.begin() as created:
        created.execute(CreateSchema("payment"))
        Row.metadata.create_all(created)
    engine.dispose()
    assert shape(empty) == migrated


def test_the_migrations_can_be_written_out_as_sql(empty: str) -> None:
    assert "CREATE TABLE payment.webhook_inbox" in alembic(empty, "upgrade", "head", "--sql")


def test_the_login_role_uses_its_own_schema_and_no_other(template: TemplateDatabase) -> None:
    with template.clone() as url:
        owner = template.owner_url(url.rpartition("/")[2])
        with psycopg.connect(owner, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA story")
            connection.execute("CREATE TABLE story.stories (id int)")
        with psycopg.connect(url, autocommit=True) as connection:
            assert connection.execute("SELECT count(*) FROM payment.plans").fetchone() == (3,)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("SELECT * FROM story.stories")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("CREATE TABLE payment.mine (id int)")
