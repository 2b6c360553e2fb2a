"""`python -m story_service.catalog load FILE`: put titles into the catalog, so that readers find and complete them.

FILE (`-` is standard input) has a JSON object a line: {"title": "...", "popularity": 12, "summary": "...",
"language": "en", "id": "a UUID"}; all but the title may be left out. Loading a file again changes what differs, and
nothing else; a title without an id is known by its words. Lines that do not fit are told and left out.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, TextIO
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic import Field as Member

from common_service.settings_reading import read_settings
from story_service.domain.catalog.folding import key_of
from story_service.infrastructure.catalog.loading import Loaded, LoadedTitle, load
from story_service.settings import Settings

_MOST_TOLD = 20
_LARGEST = 2**53 - 1


class Line(BaseModel):
    """A line of a file."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00]*$")]
    id: UUID | None = None
    summary: Annotated[str, StringConstraints(max_length=4000, pattern=r"^[^\x00]*$")] = ""
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] | None = None
    popularity: Annotated[int, Member(ge=0, le=_LARGEST)] = 0


class Reading:
    """Reads lines, and counts those that do not fit."""

    def __init__(self, lines: Iterable[str], out: TextIO) -> None:
        self._lines, self._out = lines, out
        self.refused = 0

    def titles(self) -> Iterator[LoadedTitle]:
        """Yield what fits."""
        for number, line in enumerate(self._lines, 1):
            try:
                one = Line.model_validate_json(line)
            except ValidationError as error:
                self._refuse(number, error.errors()[0]["msg"])
                continue
            if key_of(one.title):
                yield LoadedTitle(one.title, one.id, one.summary, one.language, one.popularity)
            else:
                self._refuse(number, "The title has neither letters nor digits")

    def _refuse(self, number: int, why: str) -> None:
        self.refused += 1
        if self.refused <= _MOST_TOLD:
            self._out.write(f"line {number}: {why}\n")


def load_lines(lines: Iterable[str], database_url: str, out: TextIO) -> int:
    """Load, say how far it is after each batch and what changed; return 0 when every line fitted, 1 otherwise."""
    reading, total = Reading(lines, out), Loaded()
    for total in load(database_url, reading.titles()):
        out.write(f"{total.new + total.changed + total.unchanged} titles so far\n")
        out.flush()
    refused = f", {reading.refused} lines left out" if reading.refused else ""
    out.write(f"{total.new} new, {total.changed} changed, {total.unchanged} as they were{refused}\n")
    return 1 if reading.refused else 0


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m story_service.catalog", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("load", help="put titles into the catalog").add_argument("file")
    wanted = parser.parse_args()
    database_url = read_settings(Settings).database_url.get_secret_value()
    if wanted.file == "-":
        return load_lines(sys.stdin, database_url, sys.stdout)
    with Path(wanted.file).open(encoding="utf-8") as lines:
        return load_lines(lines, database_url, sys.stdout)


if __name__ == "__main__":
    sys.exit(main())
