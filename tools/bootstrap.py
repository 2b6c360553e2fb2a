"""Makes .venv from requirements.txt on a machine that has only a Python: without pip, venv, uv or root.

    python3 -m tools.bootstrap         what the Makefile calls when a requirement changed
    python3 -m tools.bootstrap lock    rewrites requirements.txt from the pyproject.toml files

Standard library only. Every failure is one sentence and exit code 1; the tools' own words are in .tools/bootstrap.log.
"""

import sys

if tuple(sys.version_info) < (3, 11):  # before the imports, which older versions cannot read
    sys.exit(
        "TrueCrime needs Python 3.11 or newer, and {} is {}.{}: name another with make PYTHON=/path/to/python3.".format(
            sys.executable, *sys.version_info[:2]
        )
    )

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tools.installers import ROOT, CannotInstall, Installer, find_installer, find_uv, run, start_log

VENV = ROOT / ".venv"
STAMP = VENV / "ready"
REQUIREMENTS = ROOT / "requirements.txt"
UV_REQUIREMENT = ROOT / "tools" / "uv.txt"
_INTERPRETER = str(getattr(sys, "_base_executable", sys.executable))  # this may run in the .venv that it replaces
_ABOUT = "import sys; print(sys.base_prefix, *sys.version_info[:3])"
_EXPORT = (
    "export",
    "--frozen",
    "--all-packages",
    "--all-groups",
    "--no-emit-workspace",
    "--no-header",
    "--no-annotate",
)
_COMPILE = ("pip", "compile", "--universal", "--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url")


def main(arguments: list[str]) -> int:
    try:
        if arguments == ["lock"]:
            lock()
        else:
            install()
    except CannotInstall as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{error.filename or ROOT} cannot be written: {error.strerror}.\n")
        return 1
    return 0


def install() -> None:
    """Bring .venv in line with the requirements; its stamp tells the Makefile, and the next call, that it is."""
    stamp = f"{ROOT}\n{_about_this()}\n{_digest()}\n"
    is_usable = _about(VENV) == _about_this()
    if is_usable and STAMP.exists() and STAMP.read_text() == stamp:
        os.utime(STAMP)
        return
    start_log()
    installer = find_installer(UV_REQUIREMENT)
    if not is_usable:
        print("Making .venv", flush=True)
        shutil.rmtree(VENV, ignore_errors=True)
        run([*installer.venv(_INTERPRETER), str(VENV)])
    STAMP.unlink(missing_ok=True)
    _fill(installer)
    STAMP.write_text(stamp)


def _fill(installer: Installer) -> None:
    python = str(VENV / "bin" / "python")
    print("Installing what requirements.txt names", flush=True)
    run([*installer.install(python), "--require-hashes", "-r", str(REQUIREMENTS)])
    print("Installing the packages of this checkout", flush=True)
    packages = [file.parent for file in _projects() if file.parent != ROOT]
    editable = [word for package in packages for word in ("-e", str(package))]
    run([*installer.install(python), "--no-deps", "--no-build-isolation", *editable])


def lock() -> None:
    """Rewrite the hash-locked files for every platform at once. They name no index."""
    start_log()
    uv = find_uv(UV_REQUIREMENT)
    if uv is None:
        raise CannotInstall("Locking needs uv, which this machine cannot get.")
    run([uv, "lock"])
    run([uv, *_EXPORT, "--output-file", str(REQUIREMENTS)])
    wanted = ROOT / ".tools" / "uv.in"
    wanted.write_text("uv\n")
    run([uv, *_COMPILE, "--python-version", "3.11", "--output-file", str(UV_REQUIREMENT), str(wanted)])


def _projects() -> list[Path]:
    return sorted(
        file for pattern in ("", "libs/*/", "services/*/", "sandbox/") for file in ROOT.glob(f"{pattern}pyproject.toml")
    )


def _digest() -> str:
    content = b"\0".join(file.read_bytes() for file in (REQUIREMENTS, *_projects()))
    return hashlib.sha256(content).hexdigest()


def _about_this() -> str:
    return " ".join(map(str, (sys.base_prefix, *sys.version_info[:3])))


def _about(venv: Path) -> str | None:
    """Say which Python a virtual environment stands on; None when it is not there or its Python is gone."""
    try:
        words = [str(venv / "bin" / "python"), "-I", "-S", "-c", _ABOUT]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
