"""What installs packages here: uv if it can be had, else pip; and what went wrong with it, in one sentence."""

import configparser
import functools
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / ".tools"
_LOG = TOOLS / "bootstrap.log"
_BUNDLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_STORES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem")
_PIP_FILES = ("/etc/pip.conf", "~/.pip/pip.conf", "~/.config/pip/pip.conf")
_OLDEST_UV = (0, 5)
_UNBUILT = re.compile(r"failed (?:to build|building wheel for) `?([\w.-]+)", re.IGNORECASE)
_NO_COMPILER = re.compile(
    r"(?:unable to execute|No such file or directory:|command) '?\S*(?:cc|clang|c\+\+)|no acceptable C compiler"
)
_NEEDS_COMPILER = (
    "{} has no ready-made wheel for this machine, and to build it a C compiler is needed: "
    "install one (Debian: apt-get install build-essential python3-dev)."
)
_NOT_BUILT = f"{{}} has no ready-made wheel for this machine and could not be built; why is in {_LOG}."


class CannotInstall(Exception):
    """The message is the whole of what the person at the terminal sees."""


@dataclass(frozen=True, slots=True)
class Installer:
    """uv, or pip when `uv` is None."""

    uv: str | None
    pip: tuple[str, ...] = ()

    def venv(self, interpreter: str) -> list[str]:
        """Return the words that make a virtual environment; Debian's bare Python has venv without ensurepip."""
        return [self.uv, "venv", "--python", interpreter] if self.uv else [interpreter, "-m", "venv", "--without-pip"]

    def install(self, python: str) -> list[str]:
        """Return the words that install for `python`, with bytecode, so that the first start is quick."""
        if self.uv:
            return [self.uv, "pip", "install", "--python", python, "--compile-bytecode"]
        return [*self.pip, "--python", python, "install", "--no-input"]


def find_installer(uv_requirement: Path) -> Installer:
    uv = find_uv(uv_requirement)
    if uv:
        return Installer(uv)
    pip = _find_pip()
    if pip is None:
        raise CannotInstall(
            f"{sys.executable} has neither pip nor ensurepip, and neither uv nor Debian's python3-pip-whl can be had: "
            "check the network, or install one of them (Debian: apt-get install python3-pip)."
        )
    print("Going on without uv, which takes longer", flush=True)
    return Installer(None, tuple(pip))


def find_uv(requirement: Path) -> str | None:
    """Return uv from PATH or .tools, else fetch the locked one into .tools with whatever pip there is."""
    for found in (shutil.which("uv"), str(TOOLS / "bin" / "uv")):
        if found and _works(found):
            return found
    pip = _find_pip()
    if pip is None:
        return None
    print("Getting uv", flush=True)
    wanted = ["--require-hashes", "-r", str(requirement)] if requirement.exists() else ["uv"]
    words = [*pip, "install", "--target", str(TOOLS), "--upgrade", "--no-deps", "--only-binary", ":all:", *wanted]
    if _quietly(words) and _works(str(TOOLS / "bin" / "uv")):
        return str(TOOLS / "bin" / "uv")
    return None


def run(words: Sequence[str]) -> None:
    """Run an installer; its words go to the log, and from there into one sentence when it fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=_environment(), cwd=ROOT)
    output = done.stdout + done.stderr
    _write_log(words, output)
    if done.returncode != 0:
        raise CannotInstall(explain(output))


def explain(output: str) -> str:
    """Say in one sentence, with what to do, what an installer said in many."""
    if unbuilt := _UNBUILT.search(output):
        return (_NEEDS_COMPILER if _NO_COMPILER.search(output) else _NOT_BUILT).format(unbuilt[1])
    for pattern, sentence in _SENTENCES.items():
        if re.search(pattern, output, re.IGNORECASE):
            return sentence
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return f"The packages could not be installed: {lines[-1] if lines else 'no reason given'} (all of it: {_LOG})."


_SENTENCES = {
    r"no space left on device": "The disk is full: the packages need about 700 MB.",
    r"read-only file system|permission denied": f"A folder cannot be written; which one is in {_LOG}.",
    r"UnknownIssuer|certificate.verify.failed|invalid peer certificate|the ssl certificate|TLS CA certificate": (
        "The certificate of the package index is not trusted here: "
        "set SSL_CERT_FILE to the bundle that names its authority."
    ),
    r"(?:hash mismatch|do not match the hashes)": (
        "A downloaded package is not the one that requirements.txt names, and was not installed."
    ),
    r"dns error|name resolution|name or service not known|connection refused|network is unreachable"
    r"|timed out|failed to fetch|error sending request|newconnectionerror|could not connect": (
        "The package index does not answer: check the network, and HTTPS_PROXY where there is a proxy."
    ),
}


def start_log() -> None:
    """Begin the log anew; also the first word to an unwritable checkout."""
    TOOLS.mkdir(exist_ok=True)
    _LOG.write_text("")


def _write_log(words: Sequence[str], output: str) -> None:
    with _LOG.open("a") as log:
        log.write(f"$ {' '.join(words)}\n{output}\n")


def _quietly(words: Sequence[str], cwd: Path = ROOT) -> bool:
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=_environment(), cwd=cwd)
    _write_log(words, done.stdout + done.stderr)
    return done.returncode == 0


def _works(uv: str) -> bool:
    try:
        done = subprocess.run([uv, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return False
    version = re.match(r"uv (\d+)\.(\d+)", done.stdout)
    return version is not None and (int(version[1]), int(version[2])) >= _OLDEST_UV


@functools.cache
def _find_pip() -> list[str] | None:
    """Return the words that run a pip: this Python's, the wheel inside its ensurepip, or Debian's wheel."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    bundled = importlib.util.find_spec("ensurepip")
    wheels = list(Path(str(bundled.origin)).parent.glob("_bundled/pip-*.whl")) if bundled else []
    wheel = wheels[0] if wheels else _debians_pip()
    return [sys.executable, f"{wheel}/pip"] if wheel else None


def _debians_pip() -> Path | None:
    """Fetch python3-pip-whl as whoever asks: apt takes state folders of our own, and nothing is installed."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return None
    folder = TOOLS / "debian"
    (folder / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    if not (wheels := sorted(folder.glob("usr/share/python-wheels/pip-*.whl"))):
        print("Getting Debian's python3-pip-whl", flush=True)
        own = [f"-oDir::State::Lists={folder / 'lists'}", f"-oDir::Cache={folder}", "-oAPT::Sandbox::User=root"]
        own += ["-oDir::Cache::pkgcache=", "-oDir::Cache::srcpkgcache="]
        get = ["apt-get", "-qq", "download", "python3-pip-whl"]
        if not _quietly(get, folder) and not (
            _quietly(["apt-get", "-qq", *own, "update"], folder) and _quietly([*get, *own], folder)
        ):
            return None
        for package in folder.glob("python3-pip-whl_*.deb"):
            _quietly(["dpkg-deb", "-x", str(package), str(folder)], folder)
        wheels = sorted(folder.glob("usr/share/python-wheels/pip-*.whl"))
    return wheels[0] if wheels else None


def _environment() -> dict[str, str]:
    """Return the environment of the installers: each trusts and asks what the other was told to trust and ask."""
    own = dict(os.environ)
    for name in ("PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_TARGET", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
        own.pop(name, None)
    own |= {"UV_SYSTEM_CERTS": "true", "UV_PYTHON_DOWNLOADS": "never", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    own.setdefault("UV_HTTP_TIMEOUT", "120")
    bundles = [own[name] for name in _BUNDLES if own.get(name)] + [*_STORES]
    if bundle := next((path for path in bundles if Path(path).is_file()), None):
        own.setdefault("SSL_CERT_FILE", bundle)
        own.setdefault("PIP_CERT", bundle)
    if index := _index_of_pip(own):
        own.setdefault("UV_DEFAULT_INDEX", index)
    if not os.access(Path("~").expanduser(), os.W_OK):
        own["UV_CACHE_DIR"] = own["PIP_CACHE_DIR"] = str(TOOLS / "cache")
    return own


def _index_of_pip(environment: dict[str, str]) -> str | None:
    """Return the index that this machine's pip is told to use, so that uv asks the same."""
    if named := environment.get("PIP_INDEX_URL"):
        return named
    settings = configparser.RawConfigParser()
    files = [*_PIP_FILES, environment.get("PIP_CONFIG_FILE", "")]
    settings.read([Path(file).expanduser() for file in files if file])
    return settings.get("global", "index-url", fallback=None)
