"""A fact as it travels: CloudEvents names, an ordering key, a cause (events-and-states.md, section 8)."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson


@dataclass(frozen=True, slots=True)
class Envelope:
    """One event. Those of one `partition_key` arrive in order; `aggregate_version` tells an old fact from a new one."""

    id: UUID
    type: str
    source: str
    schema_version: int
    subject: UUID | None
    time: datetime
    partition_key: str
    aggregate_version: int
    correlation_id: str | None
    causation_id: UUID | None
    traceparent: str | None
    data: dict[str, Any]
    specversion: str = "1.0"

    def to_json(self) -> bytes:
        """Return the envelope as it goes over the wire."""
        return orjson.dumps(self)

    @classmethod
    def of(cls, raw: bytes | str) -> "Envelope":
        """Read an envelope, passing over unknown fields. Raises ValueError, KeyError, TypeError for what is none."""
        found: dict[str, Any] = orjson.loads(raw)
        if not isinstance(found, dict) or not isinstance(found["data"], dict):
            raise TypeError("not an envelope")
        known = {name: found[name] for name in _FIELDS if name in found}
        return cls(
            **{
                **known,
                "id": UUID(known["id"]),
                "subject": _uuid(known.get("subject")),
                "causation_id": _uuid(known.get("causation_id")),
                "time": datetime.fromisoformat(known["time"]),
            }
        )


_FIELDS = tuple(field.name for field in fields(Envelope))


def _uuid(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
