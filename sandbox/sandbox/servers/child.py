"""A child process that never outlives the process that started it."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Identity:
    """Another user that a child runs as; only root can ask for it."""

    uid: int
    gid: int

    def options(self) -> dict[str, Any]:
        """Return what `subprocess` calls it."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, where, as whom, and which signals end it in good order."""

    argv: tuple[str, ...]
    cwd: Path | None = None
    env: dict[str, str] | None = field(default=None, repr=False)
    identity: Identity | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL

    def options(self) -> dict[str, Any]:
        """Return what `Popen` and asyncio's subprocesses share. The kernel's signal comes when the *thread* that
        started the child ends, so start children from the main thread.
        """
        return {
            "stdin": subprocess.DEVNULL,
            "start_new_session": True,  # Ctrl-C at the terminal reaches the parent alone
            "preexec_fn": dying_with(os.getpid(), self.orphan_signal),
            "cwd": self.cwd,
            "env": self.env,
            **(self.identity.options() if self.identity else {}),
        }


def dying_with(parent: int, signum: int) -> Callable[[], None]:
    """Return what a child runs before exec: the kernel will send it `signum` when `parent` is gone (prctl(2))."""

    def bind() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, signum)
            if os.getppid() != parent:  # it died between fork and prctl
                os._exit(1)

    return bind


def start_child(command: Command, log: Path) -> subprocess.Popen[bytes]:
    """Start `command` with its output appended to `log`."""
    with log.open("ab") as sink:
        return subprocess.Popen(command.argv, stdout=sink, stderr=sink, **command.options())


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
