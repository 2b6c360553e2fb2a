"""The servers under everything: they start, keep their data, and go."""

import os
from pathlib import Path

import psycopg
import pytest
import redis

from sandbox.servers.binaries import find_postgres
from sandbox.servers.errors import CannotStart
from sandbox.servers.postgres import start_postgres
from sandbox.servers.redis import start_redis


def test_postgres_keeps_its_data_over_a_restart(open_directory: Path) -> None:
    first = start_postgres(open_directory)
    with psycopg.connect(first.url) as connection:
        connection.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    first.stop()
    second = start_postgres(open_directory)
    with psycopg.connect(second.url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
    second.stop()
    assert second.process.poll() is not None


def test_postgres_recovers_after_the_server_was_killed(open_directory: Path) -> None:
    first = start_postgres(open_directory)
    first.process.kill()
    first.process.wait()
    second = start_postgres(open_directory)
    with psycopg.connect(second.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    second.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user for its Postgres")
def test_data_that_was_shut_in_later_is_told_in_a_sentence(open_directory: Path) -> None:
    home = open_directory / "postgres"
    start_postgres(home).stop()
    open_directory.chmod(0o700)
    with pytest.raises(CannotStart, match=r"may not enter .*postgres, where data is already"):
        start_postgres(home)


def test_redis_keeps_its_data_over_a_restart(tmp_path: Path) -> None:
    first = start_redis(tmp_path)
    with redis.Redis.from_url(first.url) as client:
        client.set("kept", "7")
    first.stop()
    second = start_redis(tmp_path)
    with redis.Redis.from_url(second.url) as client:
        assert client.get("kept") == b"7"
    second.stop()


def test_a_machine_without_postgres_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="DATABASE_URL"):
        find_postgres([tmp_path])


def test_data_of_another_version_is_not_touched() -> None:
    with pytest.raises(CannotStart, match=r"made by PostgreSQL 9.*make clean"):
        find_postgres(major="9")
