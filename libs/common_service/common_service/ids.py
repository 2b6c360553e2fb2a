"""Identifiers made in the application, so that a row can be named before it is stored."""

import secrets
import time
from uuid import UUID


def uuid7() -> UUID:
    """Return a time-ordered UUID: 48 bits of milliseconds, 12 of their fraction, 62 random (RFC 9562, 6.2)."""
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = (rest << 12) // 1_000_000
    value = (milliseconds & (1 << 48) - 1) << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | secrets.randbits(62)
    return UUID(int=value)
