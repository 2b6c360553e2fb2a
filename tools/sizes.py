"""Names every function and file that is too long to be read at once (style.md); there are no exemptions."""

import ast
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("bench", "libs", "sandbox", "services", "tests", "tools")
LONGEST_FUNCTION, LONGEST_FILE = 50, 300


def too_long(path: Path, source: str) -> Iterator[str]:
    """Name what is too long in a file, as `file:line: words`."""
    if (lines := len(source.splitlines())) > LONGEST_FILE:
        yield f"{path}:1: {lines} lines, {LONGEST_FILE} at the most"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > LONGEST_FUNCTION:
                yield f"{path}:{node.lineno}: {node.name} has {lines} lines, {LONGEST_FUNCTION} at the most"


def main() -> int:
    ArgumentParser(description=__doc__).parse_args()  # --help tells, and starts nothing
    files = sorted(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))
    found = [
        words
        for file in [ROOT / "conftest.py", *files]
        for words in too_long(file.relative_to(ROOT), file.read_text("utf-8"))
    ]
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
