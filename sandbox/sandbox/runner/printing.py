"""The one voice of all processes: each line with its process's name and colour, JSON log lines made readable."""

import io
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

import orjson

_COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)
_LEVELS = {"warning": 33, "error": 31, "critical": 31}
_SAID_ELSEWHERE = ("timestamp", "level", "event", "service", "exception", "color_message")
_WIDTH = 15
_NOISE = (  # said at every start or stop, kept in the file only
    "Memory overcommit must be enabled",
    "scheduling shutdown",
    "ready to exit",
    "the database system is starting up",
)


class Printer:
    """Prints lines and keeps the raw ones in a file a process."""

    def __init__(self, logs: Path, out: TextIO, *, colour: bool) -> None:
        self._logs = logs
        self._out = out
        self._colour = colour
        self._files: dict[str, TextIO] = {}
        self._colours: dict[str, int] = {}

    def line(self, name: str, text: str) -> None:
        """Print what the process `name` wrote; a full disk silences the file, not the terminal."""
        try:
            self._file(name).write(text + "\n")
        except OSError:
            self._files[name] = io.StringIO()
        if any(noise in text for noise in _NOISE):
            return
        for shown in readable(text, self._paint).splitlines():
            self._print(f"{self._paint(name.ljust(_WIDTH), self._colour_of(name))} {shown}")

    def say(self, text: str) -> None:
        """Print a word of the runner itself."""
        self._print(f"{self._paint('run'.ljust(_WIDTH), 1)} {text}")

    def close(self) -> None:
        for file in self._files.values():
            file.close()

    def _print(self, text: str) -> None:
        try:
            self._out.write(text + "\n")
            self._out.flush()
        except (BrokenPipeError, ValueError):  # `make run | head`: the platform goes on
            self._out = io.StringIO()

    def _file(self, name: str) -> TextIO:
        if name not in self._files:
            path = self._logs / f"{name}.log"
            if path.exists():
                path.replace(path.with_suffix(".log.before"))
            self._files[name] = path.open("w", buffering=1, encoding="utf-8", errors="replace")
        return self._files[name]

    def _colour_of(self, name: str) -> int:
        return self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])

    def _paint(self, text: str, code: int) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colour else text


def wants_colour(environment: Mapping[str, str]) -> bool:
    """Follow no-color.org and force-color.org, else the terminal."""
    if environment.get("NO_COLOR"):
        return False
    return bool(environment.get("FORCE_COLOR")) or sys.stdout.isatty()


def readable(text: str, paint: Callable[[str, int], str] = lambda text, _code: text) -> str:
    """Turn a JSON log line into `12:00:01 warning what happened name=value`; leave any other line as it is."""
    if not text.startswith("{"):
        return text
    try:
        record = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    if "event" not in record:
        return text
    clock = str(record.get("timestamp", ""))[11:19]
    level = str(record.get("level", "info"))
    facts = [f"{name}={value}" for name, value in record.items() if name not in _SAID_ELSEWHERE and value is not None]
    shown_level = paint(level, _LEVELS[level]) if level in _LEVELS else level
    words = " ".join([clock, shown_level, str(record["event"]), *facts])
    return f"{words}\n{record['exception']}" if record.get("exception") else words
