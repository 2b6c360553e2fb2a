"""A process that is launched: when the garbage collector works, and how it ends."""

import gc
import sys
from pathlib import Path

import pytest

from common_service import launch

_MODULE = """
import gc, sys

during_import = gc.isenabled()
kept = [[] for _ in range(1000)]


def main():
    print(during_import, gc.isenabled(), gc.get_freeze_count() > 1000, sys.argv[1:])
    return 3
"""


def test_the_collector_rests_while_the_module_is_imported_and_never_walks_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "launched_once.py").write_text(_MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "argv", [])
    with pytest.raises(SystemExit) as ended:
        launch.main(["launch", "launched_once", "a", "b"])
    assert ended.value.code == 3
    assert capsys.readouterr().out == "False True True ['a', 'b']\n"
    assert gc.isenabled()
