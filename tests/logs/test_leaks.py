"""The look through the suite's logs finds what it must, nothing else, and fails the run for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.leaks import leaks_of, mark_of
from tools.suite_logs import search

ROOT = Path(__file__).parents[2]
PLANTED = {
    "a JWT": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
    "a bearer token": "Authorization: Bearer abcdefghij0123456789.abc",
    "a key": "key sk_test_4eC39HqLyjWD",
    "an address of mail": "to first.last+tag@mail.example.co.uk now",
    "a cookie": "{'set-cookie': 'session=abc'}",
    "a password in an address": "postgresql://svc_story:hunter2@db/x",
    "a card number": "paid by 4242 4242 4242 4242 today",
    "a text or secret that no log may repeat": "prompt: a ferryman's tale",
}
HARMLESS = [
    "Bearer [redacted]", "set-cookie: [redacted]", 'WWW-Authenticate: Bearer error="invalid_token"',
    "request_id=0199c5a2-7b1e-7f00-8000-0123456789ab", "seq 4242424242424241", "at 1763748374123456",
    "postgresql://[redacted]@db/x", "pk_idempotency_keys", "trace 4bf92f3577b34da6a3ce929d0e0e4736",
]  # fmt: skip
LEAKY = """
import logging, structlog
from pathlib import Path
from tools.suite_logs import keep

def test_one():
    logging.getLogger("a").warning("masked: %s", "reader@truecrime.test")  # the pipeline strikes it out

def test_two():
    structlog.get_logger("b").info("said", words="A keeper vanishes")  # no pipeline can know that

def test_three(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "story.log").write_text("client %s" % ("s3cr3t" * 4))
    (tmp_path / "secrets.json").write_text('{"client": "%s"}' % ("s3cr3t" * 4))
    keep(tmp_path)
"""


@pytest.mark.parametrize(("what", "line"), PLANTED.items())
def test_a_planted_leak_is_found_with_where_it_came_from(tmp_path: Path, what: str, line: str) -> None:
    log = tmp_path / "gw0.log"
    log.write_text(f"{mark_of('test_before')}harmless\n{mark_of('test_it[sk_test_abcdef]')}{line}\n")
    (leak,) = leaks_of(log, ["a ferryman's tale"])
    assert (leak.what, leak.file, leak.test) == (what, "gw0.log", "'test_it[sk_test_abcdef]'")


def test_what_is_harmless_is_let_be(tmp_path: Path) -> None:
    log = tmp_path / "main.log"
    log.write_text("\n".join(HARMLESS))
    assert search(tmp_path) == []


def test_a_story_of_the_stand_in_is_recognised(tmp_path: Path) -> None:
    material = ROOT / "sandbox" / "sandbox" / "openai" / "prose" / "material" / "1_before.txt"
    (tmp_path / "story.log").write_text(material.read_text())
    assert len(search(tmp_path)) > 3


@pytest.mark.parametrize("workers", [[], ["-p", "xdist", "-n", "1"]])
def test_a_run_that_logged_a_secret_fails_and_says_where(tmp_path: Path, workers: list[str]) -> None:
    (tmp_path / "test_leaky.py").write_text(LEAKY)
    words = [
        "-q",
        "-p",
        "tools.suite_logs",
        "-c",
        os.devnull,
        "--rootdir",
        str(tmp_path),
        *workers,
        str(tmp_path),
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        cwd=ROOT,
        env=environment | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "3 passed" in done.stdout
    assert "2 in all" in done.stdout
    assert "logged by 'test_leaky.py::test_two'" in done.stdout
    assert "story.log: client s3cr3t" in done.stdout
    assert "reader@" not in done.stdout
