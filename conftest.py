"""Real Postgres and a real Redis-protocol server for every test run, started here unless the environment names them."""

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from sandbox.servers.postgres import running_postgres
from sandbox.servers.redis import running_redis

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
_servers = pytest.StashKey[ExitStack]()


def pytest_configure(config: pytest.Config) -> None:
    """Start what is missing once, in the controlling process: xdist's workers inherit the environment."""
    if hasattr(config, "workerinput"):
        return
    stack = config.stash[_servers] = ExitStack()
    if "TEST_DATABASE_URL" not in os.environ:
        os.environ["TEST_DATABASE_URL"] = stack.enter_context(running_postgres(_directory(stack))).url
    if "TEST_REDIS_URL" not in os.environ:
        os.environ["TEST_REDIS_URL"] = stack.enter_context(running_redis(_directory(stack))).url


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what this run started."""
    if stack := config.stash.get(_servers, None):
        stack.close()


def _directory(stack: ExitStack) -> Path:
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="truecrime-", ignore_cleanup_errors=True)))
    directory.chmod(0o755)  # Postgres runs as another user when root runs the tests
    return directory
