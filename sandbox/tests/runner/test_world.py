"""The vendors' stand-ins in one process: only those that are asked for, and gone when told."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.servers.ports import free_port, is_listening
from sandbox.world import options_of


@contextmanager
def world(**environment: str) -> Iterator[subprocess.Popen[bytes]]:
    own = {"PATH": os.environ["PATH"]} | environment
    process = subprocess.Popen([sys.executable, "-m", "sandbox.world"], env=own, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while not is_listening(port) and time.monotonic() < deadline:
        time.sleep(0.05)


def test_each_app_answers_on_its_port_and_all_end_together(tmp_path: Path) -> None:
    cognito, mail, smtp, unused = (free_port() for _ in range(4))
    ports = {"COGNITO_PORT": str(cognito), "MAIL_HTTP_PORT": str(mail), "MAIL_SMTP_PORT": str(smtp)}
    with world(SANDBOX_STATE_DIR=str(tmp_path), **ports) as process:
        for port in (cognito, mail, smtp):
            wait_for(port)
        with urllib.request.urlopen(f"http://127.0.0.1:{cognito}/_sandbox/clients") as answer:
            assert b"story-service" in answer.read()
        assert not is_listening(unused)
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        assert time.monotonic() - begin < 2


def test_a_state_folder_that_cannot_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with world(SANDBOX_STATE_DIR=str(tmp_path / "file"), COGNITO_PORT=str(free_port())) as process:
        assert process.wait(20) == 1
        assert process.stderr is not None
        said = process.stderr.read().decode()
    assert said.startswith("The sandbox cannot start: ")
    assert len(said.splitlines()) == 1


def test_the_issuer_is_the_address_that_it_is_served_at() -> None:
    assert options_of("COGNITO_PORT", {"COGNITO_PORT": "4001"})["issuer_base"] == "http://127.0.0.1:4001"
