"""Another service's answer to what an admin asked of it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Passed:
    """Another service's answer, passed on as it is."""

    status: int
    body: bytes
    media_type: str
    headers: Mapping[str, str]
