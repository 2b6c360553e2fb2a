"""Instants in request bodies: RFC 3339 with a zone, and nothing else that pydantic would take for one."""

import re
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, Field

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:")


def _rfc3339(value: object) -> object:
    """Refuse numbers, which pydantic would take for seconds since 1970, and a date without a time."""
    if not isinstance(value, str) or not _DATE.match(value):
        raise ValueError("An instant looks like 2026-11-21T12:00:00Z.")
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_rfc3339), Field(description="RFC 3339, with a zone.")]
