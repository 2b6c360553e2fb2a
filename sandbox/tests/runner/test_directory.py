"""The folder that outlives a run."""

import os
import socket
from pathlib import Path

import pytest

from sandbox.runner.directory import RunDirectory
from sandbox.servers.errors import CannotStart


def test_ports_and_secrets_are_the_same_in_the_next_run(tmp_path: Path) -> None:
    with RunDirectory(tmp_path) as first:
        before = first.ports(["redis", "alb"]), first.secrets(["svc_story"])
    with RunDirectory(tmp_path) as second:
        assert (second.ports(["redis", "alb"]), second.secrets(["svc_story"])) == before


def test_a_port_that_was_taken_meanwhile_is_chosen_anew(directory: RunDirectory) -> None:
    before = directory.ports(["redis", "alb"])
    with socket.socket() as other:
        other.bind(("127.0.0.1", before["redis"]))
        other.listen()
        now = directory.ports(["redis", "alb"])
    assert now["redis"] != before["redis"]
    assert now["alb"] == before["alb"]


def test_all_ports_differ(directory: RunDirectory) -> None:
    names = [str(number) for number in range(50)]
    assert len(set(directory.ports(names).values())) == len(names)


def test_secrets_and_addresses_with_passwords_are_their_owners_alone(directory: RunDirectory) -> None:
    directory.secrets(["svc_story"])
    directory.record({"database_url": "postgresql://a:b@127.0.0.1/x"})
    for name in ("secrets.json", "platform.json"):
        assert (directory.path / name).stat().st_mode & 0o077 == 0


def test_a_second_runner_is_told_that_one_runs(directory: RunDirectory) -> None:
    with pytest.raises(CannotStart, match=rf"already runs from this checkout \(process {os.getpid()}\)"):
        RunDirectory(directory.path).__enter__()


def test_what_a_killed_runner_left_is_swept_away(tmp_path: Path) -> None:
    (tmp_path / "platform.json").write_text("{}")
    (tmp_path / "ports.json").write_text('{"redis": 20')
    (tmp_path / "lock").write_text("4711")
    with RunDirectory(tmp_path) as directory:
        assert not directory.platform_file.exists()
        assert directory.ports(["redis"])["redis"] > 0


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match=r"file/run cannot be written: Not a directory"):
        RunDirectory(tmp_path / "file" / "run").__enter__()
