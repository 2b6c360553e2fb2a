"""Each service gets its schema and may touch no other."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors, sql

from common_service.provisioning import Tenant, provision

MARK = uuid4().hex[:6]
ONE, TWO = (Tenant(f"{name}_{MARK}", f"svc_{name}_{MARK}", f"pass'{name}\"") for name in ("one", "two"))
Login = Callable[[Tenant], psycopg.Connection]


@pytest.fixture
def login(database_url: str) -> Iterator[Login]:
    provision(database_url, [ONE, TWO])
    with psycopg.connect(database_url, autocommit=True) as owner:
        for tenant in (ONE, TWO):
            owner.execute(sql.SQL("CREATE TABLE {} (n int)").format(sql.Identifier(tenant.schema, "things")))
        open_ones: list[psycopg.Connection] = []

        def log_in(tenant: Tenant) -> psycopg.Connection:
            connection = psycopg.connect(database_url, user=tenant.role, password=tenant.password, autocommit=True)
            open_ones.append(connection)
            return connection

        yield log_in
        for connection in open_ones:
            connection.close()
        for tenant in (ONE, TWO):
            owner.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(tenant.role)))


def test_a_service_uses_its_own_tables_and_makes_none(login: Login) -> None:
    own = login(ONE)
    for statement in ("INSERT INTO {} VALUES (1)", "UPDATE {} SET n = 2", "SELECT * FROM {}", "DELETE FROM {}"):
        own.execute(sql.SQL(statement).format(sql.Identifier(ONE.schema, "things")))
    for statement in ("CREATE TABLE {}.more (n int)", "DROP TABLE {}.things", "ALTER TABLE {}.things ADD m int"):
        with pytest.raises(errors.InsufficientPrivilege):
            own.execute(sql.SQL(statement).format(sql.Identifier(ONE.schema)))


def test_a_service_cannot_touch_another_schema(login: Login) -> None:
    own = login(ONE)
    for statement in ("SELECT * FROM {}", "INSERT INTO {} VALUES (1)", "DELETE FROM {}", "TRUNCATE {}"):
        with pytest.raises(errors.InsufficientPrivilege):
            own.execute(sql.SQL(statement).format(sql.Identifier(TWO.schema, "things")))
    for statement in (
        "CREATE TABLE public.more (n int)",
        "CREATE SCHEMA more",
        "CREATE ROLE more",
        "CREATE DATABASE more",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            own.execute(statement.encode())


def test_provisioning_again_changes_the_password_and_nothing_else(login: Login, database_url: str) -> None:
    provision(database_url, [Tenant(ONE.schema, ONE.role, "another")])
    connection = login(Tenant(ONE.schema, ONE.role, "another"))
    connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(ONE.schema, "things")))


@pytest.mark.usefixtures("login")
def test_several_databases_of_one_server_are_provisioned_at_once(server_url: str) -> None:
    names = [f"many_{uuid4().hex[:8]}" for _ in range(6)]
    with psycopg.connect(server_url, autocommit=True) as owner:
        for name in names:
            owner.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        urls = [f"{server_url.rpartition('/')[0]}/{name}" for name in names]
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda url: provision(url, [ONE, TWO]), urls * 3))
        for name in names:
            owner.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_the_command_says_in_one_sentence_what_is_wrong() -> None:
    environment = {**os.environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    words = [sys.executable, "-m", "common_service.provisioning"]
    tenants = json.dumps([{"schema": "a", "role": "b", "password": "hunter2"}])
    done = subprocess.run(words, input=tenants, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("The database cannot be prepared: ")
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr
