"""The demo finds its platform or says in one sentence why not."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from sandbox.demo.errors import StepFailed
from sandbox.demo.platform import load_platform
from sandbox.demo.running import is_running

WEB = "http://127.0.0.1:9"


def a_record(**changes: Any) -> dict[str, Any]:
    return {
        "web": WEB,
        "cognito": {"is_ours": True, "url": WEB, "client_id": "truecrime-web"},
        "stripe": {"is_ours": True},
        "openai": {"is_ours": True, "url": WEB},
        "mail": {"url": WEB},
        "people": [{"role": "admin", "email": "admin@truecrime.test", "password": "secret"}],
    } | changes


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "platform.json"


def demo(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sandbox.demo", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)


def test_a_record_tells_where_everything_is(file: Path) -> None:
    file.write_bytes(orjson.dumps(a_record()))
    platform = load_platform(file)
    assert (platform.web, platform.client_id, platform.openai) == (WEB, "truecrime-web", WEB)
    assert platform.people == {"admin": "admin@truecrime.test"}


def test_the_real_openai_has_no_controls(file: Path) -> None:
    file.write_bytes(orjson.dumps(a_record(openai={"is_ours": False, "url": "https://api.openai.com"})))
    assert load_platform(file).openai is None


@pytest.mark.parametrize("vendor", ["cognito", "stripe"])
def test_a_real_vendor_that_the_demo_would_have_to_drive_is_refused(file: Path, vendor: str) -> None:
    file.write_bytes(orjson.dumps(a_record(**{vendor: {"is_ours": False}})))
    with pytest.raises(StepFailed, match=f"cannot with the real {vendor.capitalize()}"):
        load_platform(file)


@pytest.mark.parametrize("document", [b"", b"{", b"[]", b"{}", b'{"cognito": 1}'])
def test_what_is_no_record_is_refused_in_a_sentence(file: Path, document: bytes) -> None:
    file.write_bytes(document)
    with pytest.raises(StepFailed):
        load_platform(file)


def test_a_record_that_a_killed_runner_left_is_no_running_platform(file: Path) -> None:
    assert not is_running(file)
    file.write_bytes(orjson.dumps(a_record()))
    assert not is_running(file)


def test_the_demo_fails_with_one_sentence_and_exit_code_1(file: Path) -> None:
    file.write_bytes(orjson.dumps(a_record()))
    ended = demo("--platform", str(file))
    assert ended.returncode == 1
    assert ended.stderr.startswith("failed In 'sign up': no answer (ConnectError")
    assert ended.stderr.count("\n") == 1


def test_a_platform_that_cannot_be_started_is_said_in_its_own_words(tmp_path: Path) -> None:
    ended = demo(RUN_DIR=str(tmp_path / "run"), PORT="0")
    assert ended.returncode == 1
    assert "The platform does not start: PORT is '0', which is no port number." in ended.stderr
    assert "Traceback" not in ended.stderr
