"""The name that a caller gives to an attempt."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AttemptKey:
    """The name a caller gave to an attempt, and the digest of what it asked."""

    value: str
    digest: bytes
