"""Pytest plugin: all that the suite logs at DEBUG is collected, and the run fails for what must not be in it.

Every process of the run writes into one folder: in-process tests through the services' own logging, one file a worker;
tests that start the platform leave its log files and its generated secrets there with `keep`. The controlling process
looks through the folder when all are done.
"""

import contextlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

import pytest
import structlog

from common_service.logging import configure_logging
from tools.leaks import Leak, leaks_of, mark_of

_FOLDER = "SUITE_LOGS"
_MOST_SHOWN = 20
_SHORTEST = 12
_FRAGMENTS = 40
_TESTS_OWN = (  # prompts and story texts that tests use
    "A keeper vanishes",
    "Nobody saw the keeper leave",
    "The harbour kept its silence",
    "the story of my life",
)
_MATERIAL = Path(__file__).parents[1] / "sandbox" / "sandbox" / "openai" / "prose" / "material"
_leaks = pytest.StashKey[list[Leak]]()
_folder = pytest.StashKey[tempfile.TemporaryDirectory[str]]()
_sink = pytest.StashKey[TextIO]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Make the folder in the controlling process, whose workers inherit its name; write into it where tests run."""
    if not hasattr(config, "workerinput"):
        folder = config.stash[_folder] = tempfile.TemporaryDirectory(prefix="suite-logs-", ignore_cleanup_errors=True)
        os.environ[_FOLDER] = folder.name
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    sink = config.stash[_sink] = Path(os.environ[_FOLDER], f"{worker}.log").open("a", encoding="utf-8")  # noqa: SIM115 - for the run
    with contextlib.redirect_stdout(sink):
        configure_logging("tests", level="DEBUG")
    structlog.configure(**structlog.get_config() | {"cache_logger_on_first_use": False})  # tests look at what is logged


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note whose lines follow."""
    item.config.stash[_sink].write(mark_of(item.nodeid))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Look through the folder, once all workers have ended."""
    config = session.config
    if hasattr(config, "workerinput"):
        return
    found = config.stash[_leaks] = search(Path(os.environ[_FOLDER]))
    if found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name what was found."""
    found = config.stash.get(_leaks, [])
    if found:
        terminalreporter.section("the log holds what it must not", red=True, bold=True)
        for leak in found[:_MOST_SHOWN]:
            terminalreporter.line(str(leak))
        terminalreporter.line(f"{len(found)} in all")


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Put away what this process wrote with, and the folder if it made it."""
    if sink := config.stash.get(_sink, None):
        logging.root.handlers.clear()
        sink.close()
    if folder := config.stash.get(_folder, None):
        folder.cleanup()


def keep(run: Path) -> None:
    """Leave the logs of a platform, and the secrets that it made, to be looked through. `run` is its RUN_DIR."""
    folder = Path(tempfile.mkdtemp(prefix="platform-", dir=os.environ[_FOLDER]))
    for log in (run / "logs").glob("*.log"):
        shutil.copy(log, folder / log.name)
    for file in (run / "secrets.json", run / "service-clients.json"):
        if file.exists():
            shutil.copy(file, folder / file.name)


def search(folder: Path) -> list[Leak]:
    """Return all leaks in a folder of logs."""
    texts = [*_TESTS_OWN, *_story_fragments(), *_secrets(folder.rglob("*.json"))]
    return [leak for log in sorted(folder.rglob("*.log")) for leak in leaks_of(log, texts)]


def _secrets(files: Iterable[Path]) -> set[str]:
    """Return the values in generated files that are long enough to be secrets."""
    found: set[str] = set()

    def collect(value: object, name: str) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                collect(item, key)
        elif isinstance(value, str) and len(value) >= _SHORTEST and not name.endswith("id"):
            found.add(value)

    for file in files:
        collect(json.loads(file.read_text()), "")
    return found


def _story_fragments() -> list[str]:
    """Return some fragments of what the stand-in of OpenAI writes: any story of a few sentences holds several."""
    text = "\n".join(file.read_text() for file in sorted(_MATERIAL.glob("*.txt")))
    fragments = [piece.partition("}")[2].strip() for piece in text.replace("\n", "{}").split("{")]
    long = sorted({fragment for fragment in fragments if 25 <= len(fragment) <= 80})
    return long[:: max(len(long) // _FRAGMENTS, 1)]
