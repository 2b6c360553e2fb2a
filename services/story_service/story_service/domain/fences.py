"""Words of others in a prompt, fenced off as data: no text can close its own fence, or open another's."""

import re

_ALL = (
    "story",
    "passage",
    "before",
    "after",
    "reader_request",
    "universe",
    "scenario",
    "cast",
    "character",
    "case_file",
)
_FENCE = re.compile(rf"</?\s*(?:{'|'.join(_ALL)})\b[^>]*>", re.IGNORECASE)


def fenced(name: str, text: str, *, inner: bool = False) -> str:
    """Put a text between the marks of a name; with `inner` the text is made of fenced ones."""
    assert name in _ALL, "a fence that is not taken out of texts is none"
    return f"<{name}>\n{text if inner else unfenced(text)}\n</{name}>"


def unfenced(text: str) -> str:
    """Take out what looks like a fence, until nothing does."""
    while (plain := _FENCE.sub("", text)) != text:
        text = plain
    return text
