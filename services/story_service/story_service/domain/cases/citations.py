"""Citations: which sentence of a text rests on which source of the case, and which claim rests on none."""

import re
from dataclasses import dataclass

from story_service.domain.cases.case_file import CaseFile, Source
from story_service.domain.cases.guard import names

_MARK = re.compile(r"\[\s*(\d{1,4}(?:\s*[,;]\s*\d{1,4})*)\s*\]")
_END = re.compile(r"[.!?\u2026][\"'\u201d\u2019)\]]*(?:\s*\[[\d\s,;]+\])*(?=\s|$)|\n+")
_CHECKABLE = re.compile(
    r"\d|\b(?:january|february|march|april|may(?= \d)|june|july|august|september|october|november|december"
    r"|police|coroner|inquest|autopsy|court|judge|jury|trial|verdict|sentenced|convicted|acquitted|charged|arrested"
    r"|confessed|testified|evidence|witness(?:es|ed)?|according to)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A sentence of a text by its place, and the sources that stand behind it."""

    number: int
    start: int
    end: int
    sources: tuple[Source, ...]
    unknown: tuple[int, ...]
    is_claim: bool

    @property
    def is_uncited(self) -> bool:
        """Whether it claims something and no source that stands says so."""
        return self.is_claim and not any(source.stands for source in self.sources)


@dataclass(frozen=True, slots=True)
class Citations:
    """What a text rests on."""

    segments: tuple[Segment, ...]

    @property
    def uncited_claims(self) -> int:
        """How many sentences claim something that no source says."""
        return sum(segment.is_uncited for segment in self.segments)


def cite(text: str, file: CaseFile) -> Citations:
    """Find the marks `[n]` of a text among the sources of the case. Marks behind a full stop belong to its sentence.

    A claim is a sentence that can be checked: it names a person of the case, or has a number, a date or a word of the
    law in it. A mark of a source that was retracted, or that never was, is no citation.
    """
    by_number = {source.ref_no: source for source in file.sources}
    segments: list[Segment] = []
    for start, end in _spans(text):
        sentence = text[start:end]
        marked = [int(number) for mark in _MARK.findall(sentence) for number in re.findall(r"\d+", mark)]
        numbers = tuple(dict.fromkeys(marked))
        plain = _MARK.sub("", sentence)
        segments.append(
            Segment(
                len(segments) + 1,
                start,
                end,
                tuple(by_number[number] for number in numbers if number in by_number),
                tuple(number for number in numbers if number not in by_number),
                _is_claim(plain, file),
            )
        )
    return Citations(tuple(segments))


def _is_claim(sentence: str, file: CaseFile) -> bool:
    return bool(_CHECKABLE.search(sentence)) or any(names(sentence, person) for person in file.persons)


def _spans(text: str) -> list[tuple[int, int]]:
    """Return where the sentences are, without the space around them."""
    spans, start = [], 0
    for found in (*_END.finditer(text), None):
        end = found.end() if found else len(text)
        piece = text[start:end]
        if piece.strip():
            left = start + len(piece) - len(piece.lstrip())
            spans.append((left, start + len(piece.rstrip())))
        start = end
    return spans
