"""What a model is given to read, whatever it is to write."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a model's conversation."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """The messages of one call; with a `schema`, the answer is JSON that fits it."""

    messages: tuple[Message, ...]
    schema: Mapping[str, Any] | None = None
