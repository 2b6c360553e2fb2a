"""Small worlds for the runner: directories, choices, and fake parts that are real processes of a few lines."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.runner.addresses import PORT_NAMES, SECRET_NAMES, Addresses, find_addresses
from sandbox.runner.choices import read_choices
from sandbox.runner.directory import RunDirectory
from sandbox.runner.environments import Environments
from sandbox.runner.printing import Printer
from sandbox.servers.places import passing_directory

PORTS = {name: 20_000 + number for number, name in enumerate(PORT_NAMES)}
SECRETS = {name: f"made-{name}" for name in SECRET_NAMES}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[RunDirectory]:
    with RunDirectory(tmp_path / "run") as directory:
        yield directory


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A folder that others may enter, as Postgres must when root runs the tests; pytest's own are shut."""
    with passing_directory() as directory:
        yield directory


@pytest.fixture
def printed(tmp_path: Path) -> Path:
    return tmp_path / "terminal"


@pytest.fixture
def printer(directory: RunDirectory, printed: Path) -> Iterator[Printer]:
    with printed.open("w") as out:
        printer = Printer(directory.logs, out, colour=False)
        yield printer
        printer.close()


@pytest.fixture
def addresses_for() -> Callable[..., Addresses]:
    def build(**environment: str) -> Addresses:
        return find_addresses(read_choices(environment), PORTS, SECRETS)

    return build


@pytest.fixture
def environments_for(directory: RunDirectory, addresses_for: Callable[..., Addresses]) -> Callable[..., Environments]:
    def build(**environment: str) -> Environments:
        return Environments(read_choices(environment), addresses_for(**environment), directory, SECRETS)

    return build


@pytest.fixture
def database_url() -> str:
    return os.environ["TEST_DATABASE_URL"]
