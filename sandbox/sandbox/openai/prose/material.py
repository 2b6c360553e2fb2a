"""The written material: paragraphs by beat, each with the cases it fits and the earlier paragraphs it leans on.

A file holds `== beat tag tag` headings and paragraphs. A paragraph may begin with `#name` (later ones may lean on it)
and `?name` (only told when the paragraph of that name was). Inside, `[a|b]` is a choice and `{slot}` a fact.
"""

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent / "material"
_LABEL = re.compile(r"([#?])(\w+)\s+")

_SLOTS_OF_MANY_WORDS = {
    "+}": 2, "{place}": 1, "{object": 1, "{reason}": 6, "{reason.full}": 9, "{sky~}": 3, "{weeks": 1, "{years}": 1,
    "{hour}": 2, "{street}": 1, "{v.job}": 2, "{v.habit}": 5, "{h.deed}": 6, "{date}": 2, "{town": 0.3,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Paragraph:
    beat: str
    tags: frozenset[str]
    text: str
    gives: frozenset[str]
    needs: frozenset[str]
    words: float


@functools.cache
def paragraphs() -> Mapping[str, tuple[Paragraph, ...]]:
    """Every paragraph by beat, in the order written, which is the order told."""
    found: dict[str, list[Paragraph]] = {}
    for file in sorted(_FOLDER.glob("*.txt")):
        for paragraph in _read(file.read_text(encoding="utf-8")):
            found.setdefault(paragraph.beat, []).append(paragraph)
    return {beat: tuple(members) for beat, members in found.items()}


def _read(text: str) -> Iterator[Paragraph]:
    for section in text.split("== ")[1:]:
        heading, _, body = section.partition("\n")
        beat, *tags = heading.split()
        for block in filter(None, (part.strip() for part in body.split("\n\n"))):
            yield _paragraph(beat, frozenset(tags), block)


def _paragraph(beat: str, tags: frozenset[str], block: str) -> Paragraph:
    labels: dict[str, set[str]] = {"#": set(), "?": set()}
    while label := _LABEL.match(block):
        labels[label[1]].add(label[2])
        block = block[label.end() :]
    text = typographic(block)
    return Paragraph(beat, tags, text, frozenset(labels["#"]), frozenset(labels["?"]), _length(text))


def _length(text: str) -> float:
    """Words of a typical telling: of a choice its first branch, of a slot what usually fills it."""
    text = re.sub(r"\[([^|\]]*)\|[^\]]*\]", r"\1", text)
    return len(text.split()) + sum(text.count(slot) * more for slot, more in _SLOTS_OF_MANY_WORDS.items())


def typographic(text: str) -> str:
    """Turn typewriter quotes into printed ones."""
    text = re.sub(r"(^|[\s(\[|])\"", "\\1\u201c", text).replace('"', "\u201d")
    return text.replace("'", "\u2019")
