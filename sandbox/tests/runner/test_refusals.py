"""What keeps the platform from starting is one sentence and exit code 1: the real program, as `make run` calls it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.runner.directory import RunDirectory
from sandbox.servers.ports import free_port

_OF_THE_MACHINE = ("PATH", "HOME", "SSL_CERT_FILE")


def refusal(open_directory: Path, **environment: str) -> str:
    """Run the runner to its end; return what it said on standard error."""
    own = {name: os.environ[name] for name in _OF_THE_MACHINE if name in os.environ}
    own |= {"RUN_DIR": str(open_directory / "run"), "PORT": str(free_port())} | environment
    words = [sys.executable, "-m", "sandbox.runner"]
    done = subprocess.run(words, env=own, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1, done.stdout
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


def test_a_taken_port(open_directory: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        assert f"Port {port} is taken" in refusal(open_directory, PORT=port)


def test_a_folder_that_cannot_be_written(open_directory: Path) -> None:
    (open_directory / "file").touch()
    assert "cannot be written: Not a directory." in refusal(
        open_directory, RUN_DIR=str(open_directory / "file" / "run")
    )


def test_a_second_run(open_directory: Path) -> None:
    with RunDirectory(open_directory / "run"):
        assert "already runs from this checkout" in refusal(open_directory)


def test_a_database_that_does_not_answer(open_directory: Path) -> None:
    said = refusal(open_directory, DATABASE_URL=f"postgresql://me:hush@127.0.0.1:{free_port()}/x")
    assert "The database of DATABASE_URL does not answer" in said
    assert "hush" not in said


def test_a_redis_that_does_not_answer(open_directory: Path) -> None:
    said = refusal(
        open_directory, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0", DATABASE_URL="postgresql://127.0.0.1:1/x"
    )
    assert "does not answer" in said


@pytest.mark.parametrize("url", ["not a url", "mysql://127.0.0.1/x", "postgresql://127.0.0.1:port/x"])
def test_a_database_url_that_is_none(open_directory: Path, url: str) -> None:
    assert "DATABASE_URL" in refusal(open_directory, DATABASE_URL=url)


def test_a_redis_url_that_is_none(open_directory: Path) -> None:
    assert "REDIS_URL" in refusal(open_directory, REDIS_URL="http://127.0.0.1:1")


def test_a_vendor_that_is_half_set(open_directory: Path) -> None:
    assert "STRIPE_WEBHOOK_SECRET" in refusal(open_directory, STRIPE_API_KEY="sk_test_1")
