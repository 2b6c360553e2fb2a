"""What a model's answer holds beside the reply: questions to ask next, behind a mark that no reader sees."""

import re

from story_service.domain.cases.case_file import CaseFile
from story_service.domain.cases.citations import cite
from story_service.domain.chat.message import MOST_SUGGESTIONS, Author, Message

_BULLET = re.compile(r"^\s*(?:[-*\u2022]+|\d{1,2}[.)])\s*")
_LONGEST = 200


def suggestions_of(tail: str) -> tuple[str, ...]:
    """Read the questions, one a line, each once; what is too long is none."""
    lines = (_BULLET.sub("", line).strip() for line in tail.splitlines())
    found = dict.fromkeys(line for line in lines if line and len(line) <= _LONGEST)
    return tuple(found)[:MOST_SUGGESTIONS]


def uncited_claims(message: Message, file: CaseFile) -> int | None:
    """Count the sentences of a reply that claim something about the case, and that no source says; None of others."""
    if message.author is not Author.CHARACTER or not message.is_readable:
        return None
    return cite(message.content, file).uncited_claims
