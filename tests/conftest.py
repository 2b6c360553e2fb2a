"""One running platform for all tests that need the whole of it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from sandbox.demo.platform import Platform, load_platform
from sandbox.demo.running import wait_until_ready
from sandbox.servers.places import passing_directory
from sandbox.servers.ports import free_port
from tools.suite_logs import keep

_NOT_OURS = ("DATABASE_URL", "REDIS_URL", "OPENAI_", "STRIPE_", "COGNITO_", "PORT", "RUN_DIR")


@dataclass(frozen=True, slots=True)
class RunningPlatform:
    """What `make run` brought up, and where it says so."""

    file: Path
    document: dict[str, Any]
    runner: subprocess.Popen[bytes]
    words: Path


@contextmanager
def platform_in(directory: Path) -> Iterator[RunningPlatform]:
    """Run the platform with its state in `directory`, on a free port."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
    environment |= {"RUN_DIR": str(directory / "run"), "PORT": str(free_port()), "OPENAI_TOKENS_PER_SECOND": "0"}
    environment |= {"LOG_LEVEL": "DEBUG"}  # what is logged is looked through
    words = directory / "runner.log"
    with words.open("wb") as sink:
        runner = subprocess.Popen([sys.executable, "-m", "sandbox.runner"], stdout=sink, stderr=sink, env=environment)
    try:
        wait_until_ready(runner, words)
        file = directory / "run" / "platform.json"
        yield RunningPlatform(file, orjson.loads(file.read_bytes()), runner, words)
    finally:
        runner.send_signal(signal.SIGINT)
        runner.wait(15)
        keep(directory / "run")


@pytest.fixture(scope="session")
def platform() -> Iterator[RunningPlatform]:
    """The platform that the tests of one xdist group share."""
    with passing_directory() as directory, platform_in(directory) as running:
        yield running


@pytest.fixture(scope="session")
def world(platform: RunningPlatform) -> Platform:
    """Its addresses, as a person's browser knows them."""
    return load_platform(platform.file)
