"""Which functions and files are too long."""

from pathlib import Path

from tools.sizes import too_long

HERE = Path("a.py")


def function(lines: int, words: str = "def f():") -> str:
    return words + "\n" + "    pass\n" * (lines - 1)


def test_what_is_short_enough_passes() -> None:
    assert not list(too_long(HERE, function(50) + "x = 1\n" * 250))


def test_a_function_of_51_lines_and_a_file_of_301_are_named() -> None:
    assert list(too_long(HERE, function(51))) == ["a.py:1: f has 51 lines, 50 at the most"]
    assert list(too_long(HERE, "x = 1\n" * 301)) == ["a.py:1: 301 lines, 300 at the most"]


def test_methods_and_functions_in_functions_count_too() -> None:
    inner = "".join(f"    {line}\n" for line in function(51, "async def g():").splitlines())
    assert [words.split()[1] for words in too_long(HERE, "class C:\n" + inner)] == ["g"]
    assert [words.split()[1] for words in too_long(HERE, "def f():\n" + inner)] == ["f", "g"]
