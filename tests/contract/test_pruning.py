"""Every worker keeps its own tables small, with no more rights than its login role has."""

import asyncio
import importlib
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from common_service.testing import NOWHERE, TemplateDatabase

SERVICES = {"user": "users", "story": "story", "payment": "payment", "admin": "admin"}
_NEEDED = {"stripe_api_key": "none", "openai_api_key": "none"}
_OLD = {
    "inbox": "INSERT INTO {} VALUES ('gone', gen_random_uuid(), 'a.b', now() - interval '31 days')",
    "outbox": "INSERT INTO {} (event_id, type, schema_version, partition_key, aggregate_version, payload, occurred_at,"
    " published_at, consumed_at) VALUES (gen_random_uuid(), 'a.b', 1, 'x', 1, '{{}}', now(), now(),"
    " now() - interval '8 days')",
    "idempotency_keys": "INSERT INTO {} VALUES ('x', 'y', 'z', '', 'in_progress', NULL, NULL, NULL, now(), now(),"
    " now() - interval '1 second')",
    "notifications": "WITH ann AS (INSERT INTO users.users (id, username, email_verified, created_at, updated_at)"
    " VALUES (gen_random_uuid(), 'ann', true, now(), now()) RETURNING id)"
    " INSERT INTO {} (id, user_id, kind, title, body, dedupe_key, created_at)"
    " SELECT id, id, 'grant', '', '', 'x', now() - interval '181 days' FROM ann",
    "outbound_messages": "INSERT INTO {} (id, user_id, kind, about, subject, body, dedupe_key, state, next_attempt_at,"
    " created_at) SELECT id, id, 'grant', '', '', '', 'x', 'failed', now(), now() - interval '181 days'"
    " FROM users.users",
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
@pytest.mark.parametrize("service", SERVICES)
async def test_what_is_old_goes(service: str) -> None:
    folder = Path(__file__).parents[2] / "services" / f"{service}_service"
    with TemplateDatabase(folder, SERVICES[service], f"svc_{service}").clone() as url:
        old = _fill(url, SERVICES[service])
        await _prune(service, url)
        assert {table: _count(url, SERVICES[service], table) for table in old} == dict.fromkeys(old, 0)


def _fill(url: str, schema: str) -> list[str]:
    """Write an old row into each table that is to be pruned, and return the tables."""
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema]).fetchall()
        tables = [table for table in _OLD if (table,) in found]
        for table in tables:
            connection.execute(sql.SQL(_OLD[table]).format(sql.Identifier(schema, table)))
    assert {"inbox", "outbox"} <= set(tables)
    return tables


async def _prune(service: str, url: str) -> None:
    settings = importlib.import_module(f"{service}_service.settings").Settings(
        **NOWHERE | _NEEDED | {"database_url": url}
    )
    background = importlib.import_module(f"{service}_service.worker").background(settings)
    stop = asyncio.Event()
    jobs = [job for job in background.jobs if job.name.endswith("pruning")]
    async with asyncio.TaskGroup() as tasks:
        for job in jobs:
            tasks.create_task(job.run(stop))
        await asyncio.sleep(0.3)
        stop.set()
    await background.close()


def _count(url: str, schema: str, table: str) -> int:
    with psycopg.connect(url) as connection:
        rows = connection.execute(sql.SQL("SELECT FROM {}").format(sql.Identifier(schema, table)))
        return len(rows.fetchall())
