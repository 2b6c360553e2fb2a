"""What must never stand in a log, found by an eye of its own: it shares nothing with the redaction that it judges."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_TEST = "#test "
_SHAPES = {
    "a JWT": re.compile(r"eyJ[\w-]{8,}\.[\w-]+"),
    "a bearer token": re.compile(r"\b[Bb]earer\s+[\w.~+/-]{20,}"),
    "a key": re.compile(r"\b(?:sk|rk)_(?:test|live)_\w+|\bwhsec_\w+|\bsk-[\w-]{8,}"),
    "an address of mail": re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "a cookie": re.compile(r"set-cookie[\"']?\s*[:=,]\s*[\"']?(?!\[redacted\])[\w-]+=", re.IGNORECASE),
    "a password in an address": re.compile(r"://[^/\s:@\"]+:[^/\s@\"]+@"),
}
_DIGITS = re.compile(r"(?<![\w.-])(?:\d[ -]?){12,18}\d(?![\w.-])")
_CARDS = re.compile(r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|6(?:011|5\d\d)\d{12}")
_SHOWN = 160


@dataclass(frozen=True, slots=True)
class Leak:
    """One thing that a log holds and must not: what it is, in which file, in which test, and the line around it."""

    what: str
    file: str
    test: str
    line: str

    def __str__(self) -> str:
        """Say it on one line."""
        return f"{self.what} in {self.file}{self.test and f', logged by {self.test}'}: {self.line}"


def mark_of(nodeid: str) -> str:
    """Return the line that says whose lines follow. It is no log line: a test's name may hold a secret of tests."""
    return f"{_TEST}{nodeid!r}\n"


def leaks_of(file: Path, texts: Iterable[str]) -> Iterator[Leak]:
    """Yield what a log file holds of tokens, keys, cards, addresses, cookies and of `texts`, word by word."""
    test, texts = "", tuple(texts)
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith(_TEST):
                test = line[len(_TEST) :].strip()
                continue
            for what, at in _found(line, texts):
                yield Leak(what, file.name, test, line[max(at - _SHOWN // 2, 0) : at + _SHOWN].strip())


def _found(line: str, texts: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    for what, shape in _SHAPES.items():
        if found := shape.search(line):
            yield what, found.start()
    for digits in _DIGITS.finditer(line):
        number = re.sub(r"\D", "", digits[0])
        if _CARDS.fullmatch(number) and _is_luhn(number):
            yield "a card number", digits.start()
    for text in texts:
        if text in line:
            yield "a text or secret that no log may repeat", line.index(text)


def _is_luhn(number: str) -> bool:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0
