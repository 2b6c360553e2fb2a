"""The events of a generation, as they stand in the log and go over the wire: the same bytes to every reader."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DELTA, META, NOTICE, DONE, ERROR = "delta", "meta", "notice", "done", "error"


@dataclass(frozen=True, slots=True)
class Chunk:
    """One event; `data` is one line of JSON."""

    seq: int
    kind: str
    data: str

    @property
    def text(self) -> str:
        """The words of a delta; nothing for other kinds."""
        return str(json.loads(self.data)["t"]) if self.kind == DELTA else ""


@dataclass(frozen=True, slots=True)
class Draft:
    """An event that has no place in the log yet."""

    kind: str
    data: str

    @classmethod
    def of(cls, kind: str, members: Mapping[str, Any]) -> "Draft":
        """Write the members as they will be kept."""
        return cls(kind, json.dumps(members, ensure_ascii=False, separators=(",", ":")))
