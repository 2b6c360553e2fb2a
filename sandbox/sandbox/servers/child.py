"""A child process that never outlives the process that started it."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent(parent: int, signum: int = signal.SIGTERM) -> None:
    """Ask the kernel to send `signum` to this process when the thread that started it ends (prctl(2))."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signum)
        if os.getppid() != parent:  # it died between fork and prctl
            os._exit(1)


def start_child(
    argv: Sequence[str], log: Path, *, user: int | None = None, env: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start `argv` with its output appended to `log`, in a session of its own, bound to the life of this process."""
    parent = os.getpid()
    identity: dict[str, Any] = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    with log.open("ab") as sink:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
            preexec_fn=lambda: die_with_parent(parent, signal.SIGINT),  # noqa: PLW1509 - one prctl, no locks taken
            env=env,
            cwd=cwd,
            **identity,
        )


def stop_child(child: subprocess.Popen[bytes], signum: int = signal.SIGTERM, patience: float = 4.0) -> None:
    """Send `signum`, wait `patience` seconds, then kill."""
    if child.poll() is not None:
        return
    child.send_signal(signum)
    try:
        child.wait(patience)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
