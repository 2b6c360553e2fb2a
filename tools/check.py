"""`make check`: every check that needs no server, two at a time, each one's words only when it fails."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_CODE = tuple(name for name in ("libs", "services", "sandbox", "tools", "tests", "bench") if (ROOT / name).exists())
_IMPORT_NAMES = ",".join(f"truecrime-common-{name}=common_{name}" for name in ("auth", "events", "service"))


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    words: tuple[str, ...]
    folder: Path = ROOT


def checks() -> list[Check]:
    """Return all, the longest first."""
    return [
        Check("mypy --strict", ("mypy", *_CODE)),
        Check("layers", ("lint-imports",)),
        *(
            Check(f"deptry {folder.name}", ("deptry", ".", "--package-module-name-map", _IMPORT_NAMES), folder)
            for folder in sorted(file.parent for file in ROOT.glob("*/*/pyproject.toml"))
        ),
        Check("deptry sandbox", ("deptry", "."), ROOT / "sandbox"),
        Check("ruff format", ("ruff", "format", "--check", ".")),
        Check("ruff check", ("ruff", "check", ".")),
    ]


def main() -> int:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        passed = list(pool.map(_passes, checks()))
    return 0 if all(passed) else 1


def _passes(check: Check) -> bool:
    begin = time.monotonic()
    done = _run(check.words, check.folder)
    verdict = "ok" if done.returncode == 0 else "FAILED"
    words = "" if done.returncode == 0 else f"\n{done.stdout}{done.stderr}"
    print(f"{check.name:<24} {verdict:<6} {time.monotonic() - begin:5.1f} s{words}", flush=True)
    return done.returncode == 0


def _run(words: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name(words[0])
    environment = os.environ | {"PYTHONPATH": str(ROOT)}  # lint-imports looks for tools.purity
    return subprocess.run(
        [program, *words[1:]], cwd=folder, capture_output=True, text=True, check=False, env=environment
    )


if __name__ == "__main__":
    sys.exit(main())
