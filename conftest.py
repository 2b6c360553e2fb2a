"""What every test run shares: a real Postgres, a real Redis-protocol server, and how tests are dealt to workers."""

import gc
import os
from contextlib import ExitStack
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from common_service.testing import drop_templates
from sandbox.servers.places import passing_directory
from sandbox.servers.postgres import running_postgres
from sandbox.servers.redis import running_redis

gc.disable()  # a third of the time that collecting the tests takes; pytest_runtestloop turns it on
pytest_plugins = ["tools.suite_logs"]
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
_ON_THE_PLATFORM = ("tests/contract/test_schemathesis.py", "tests/main_job/test_main_job.py")
_servers = pytest.StashKey[ExitStack]()


class Scheduling(LoadFileScheduling):
    """One file to one worker; the files that need the running platform to the same one, which starts it once.

    The mark xdist_group would say so too, but pytest 9.2 and xdist 3.8 lose it: pytest-dev/pytest-xdist#1386.
    """

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "the platform" if file in _ON_THE_PLATFORM else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Deal the tests as `Scheduling` says, whatever --dist is."""
    return Scheduling(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Start what is missing once, in the controlling process: xdist's workers inherit the environment."""
    if hasattr(config, "workerinput"):
        return
    stack = config.stash[_servers] = ExitStack()
    run_id = os.environ["TEST_RUN_ID"] = uuid4().hex[:8]
    if "TEST_DATABASE_URL" not in os.environ:
        directory = stack.enter_context(passing_directory())
        os.environ["TEST_DATABASE_URL"] = stack.enter_context(running_postgres(directory)).url
    if "TEST_REDIS_URL" not in os.environ:
        directory = stack.enter_context(passing_directory())
        os.environ["TEST_REDIS_URL"] = stack.enter_context(running_redis(directory)).url
    stack.callback(drop_templates, run_id)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what this run started."""
    if stack := config.stash.get(_servers, None):
        stack.close()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Let the garbage collector work from here on, and never on what was imported and collected: all that stays.

    It looks after 10,000 new objects, not 700: nearly all that a test makes goes without its help.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    gc.enable()
