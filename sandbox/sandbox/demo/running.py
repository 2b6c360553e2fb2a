"""A platform for the demo: the one that runs, or one that is started for it and stopped afterwards."""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.demo.errors import StepFailed
from sandbox.demo.screen import console

_START_SECONDS = 120.0
_READY = "TrueCrime is ready"


@contextmanager
def running(file: Path, *, may_start: bool) -> Iterator[None]:
    """Hold while the platform of `file` runs. Raises StepFailed when one had to be started and did not."""
    if file.exists() or not may_start:
        yield
        return
    console.print("No platform runs yet; starting one.")
    with tempfile.NamedTemporaryFile() as words:
        runner = subprocess.Popen([sys.executable, "-m", "sandbox.runner"], stdout=words, stderr=words)
        try:
            wait_until_ready(runner, Path(words.name))
            yield
        finally:
            runner.send_signal(signal.SIGINT)
            runner.wait()


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
