"""A platform for the demo: the one that runs, or one that is started for it and stopped afterwards."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import orjson

from sandbox.demo.errors import StepFailed
from sandbox.demo.screen import console
from sandbox.servers.child import Command, start_child, stop_child

_START_SECONDS = 400.0
_STOP_SECONDS = 15.0
_READY = "TrueCrime is ready"


@contextmanager
def running(file: Path, *, may_start: bool) -> Iterator[None]:
    """Hold while the platform of `file` runs. Raises StepFailed when one had to be started and did not."""
    if not may_start or is_running(file):
        yield
        return
    console.print("No platform runs; starting one for this demo.")
    environment = os.environ | {"RUN_DIR": str(file.parent.absolute())}
    command = Command((sys.executable, "-m", "sandbox.runner"), env=environment, orphan_signal=signal.SIGINT)
    with tempfile.NamedTemporaryFile() as words:
        runner = start_child(command, Path(words.name))
        try:
            wait_until_ready(runner, Path(words.name))
            yield
        finally:
            stop_child(runner, signal.SIGINT, _STOP_SECONDS)


def is_running(file: Path) -> bool:
    """Tell whether the platform that `file` records answers; a runner that was killed leaves the record behind."""
    try:
        web = orjson.loads(file.read_bytes())["web"]
        return httpx2.get(web, timeout=5.0).status_code == httpx2.codes.OK
    except (OSError, ValueError, LookupError, TypeError, httpx2.HTTPError, httpx2.InvalidURL):
        return False


def wait_until_ready(runner: subprocess.Popen[bytes], said: Path) -> None:
    """Watch the runner's words until it says that all is ready. Raises StepFailed with the last ones when it ends."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        text = said.read_text(errors="replace")
        if _READY in text:
            return
        if runner.poll() is not None:
            raise StepFailed("The platform does not start: " + " / ".join(text.splitlines()[-3:]))
        time.sleep(0.2)
    raise StepFailed(f"The platform is not ready after {_START_SECONDS:.0f} s.")
