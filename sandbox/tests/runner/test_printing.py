"""What a person reads."""

import io
from pathlib import Path

from sandbox.runner.printing import Printer, readable, wants_colour


def test_a_json_line_becomes_a_sentence() -> None:
    line = '{"timestamp":"2026-11-21T10:00:01.5Z","level":"info","event":"answered","service":"story","status":201}'
    assert readable(line) == "10:00:01 info answered status=201"


def test_a_trace_keeps_its_lines() -> None:
    line = (
        '{"timestamp":"2026-11-21T10:00:01Z","level":"error","event":"broke","exception":"Traceback\\nValueError: x"}'
    )
    assert readable(line) == "10:00:01 error broke\nTraceback\nValueError: x"


def test_any_other_line_is_left_alone() -> None:
    for line in ("LOG:  ready", "{not json", '{"no": "event"}'):
        assert readable(line) == line


def test_the_terminal_gets_names_and_the_file_gets_the_line_as_it_was(tmp_path: Path) -> None:
    out = io.StringIO()
    printer = Printer(tmp_path, out, colour=False)
    printer.line("story", '{"timestamp":"2026-11-21T10:00:01Z","level":"info","event":"x"}')
    printer.close()
    assert out.getvalue() == "story           10:00:01 info x\n"
    assert (tmp_path / "story.log").read_text() == '{"timestamp":"2026-11-21T10:00:01Z","level":"info","event":"x"}\n'


def test_the_log_of_the_run_before_is_kept(tmp_path: Path) -> None:
    for word in ("first", "second"):
        printer = Printer(tmp_path, io.StringIO(), colour=False)
        printer.line("story", word)
        printer.close()
    assert (tmp_path / "story.log").read_text() == "second\n"
    assert (tmp_path / "story.log.before").read_text() == "first\n"


def test_a_reader_that_went_away_does_not_stop_the_platform(tmp_path: Path) -> None:
    out = io.StringIO()
    out.close()
    Printer(tmp_path, out, colour=False).say("still here")


def test_colour_is_for_terminals_and_for_who_asks() -> None:
    assert wants_colour({"FORCE_COLOR": "1"})
    assert not wants_colour({"NO_COLOR": "1", "FORCE_COLOR": "1"})
    assert not wants_colour({})
