"""What the runner asks a database before it spends a second on migrations."""

from pathlib import Path

import psycopg
import pytest

from sandbox.runner.databases import check_database, heads, logs_in, version_of
from sandbox.servers.errors import CannotStart
from sandbox.servers.ports import free_port


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions / "0001_first.py").write_text('revision: str = "0001"\ndown_revision = None\n')
    (versions / "0002_second.py").write_text("revision = '0002'\ndown_revision: str | None = '0001'\n")
    return tmp_path


def test_the_head_is_what_no_other_revision_follows(folder: Path) -> None:
    assert heads(folder) == {"0002"}


def test_a_schema_without_migrations_is_at_no_version(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as owner:
        assert version_of(owner, "not_there") is None
        owner.execute("CREATE SCHEMA runner_test CREATE TABLE alembic_version (version_num text)")
        assert version_of(owner, "runner_test") is None
        owner.execute("INSERT INTO runner_test.alembic_version VALUES ('0002')")
        assert version_of(owner, "runner_test") == "0002"
        owner.execute("DROP SCHEMA runner_test CASCADE")


def test_a_role_that_is_not_there_does_not_log_in(database_url: str) -> None:
    assert logs_in(database_url)
    assert not logs_in(database_url.replace("truecrime@", "nobody_of_ours@"))


def test_a_database_that_does_not_answer_is_told_without_its_password() -> None:
    url = f"postgresql://me:hush@127.0.0.1:{free_port()}/truecrime"
    with pytest.raises(CannotStart, match=r"The database of DATABASE_URL does not answer: .*refused") as refusal:
        check_database(url)
    assert "hush" not in str(refusal.value)
