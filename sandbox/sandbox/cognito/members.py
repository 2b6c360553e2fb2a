"""Members of an API request, checked as Cognito's own validation does."""

from collections.abc import Mapping
from typing import Any

from sandbox.cognito.errors import Refused, invalid

Body = Mapping[str, Any]


def text(body: Body, name: str) -> str:
    """Return a member that must be there and not be empty."""
    value = optional_text(body, name)
    if value is None:
        raise _unmet(name, "Member must not be null")
    if not value:
        raise _unmet(name, "Member must have length greater than or equal to 1")
    return value


def optional_text(body: Body, name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise Refused("SerializationException", "STRING_VALUE expected.")
    return value


def limit(body: Body, most: int = 60) -> int:
    """Return a page's size: 1 to `most`, or `most` where none was asked for."""
    value = body.get("Limit", most)
    if not isinstance(value, int) or not 1 <= value <= most:
        raise _unmet("limit", f"Member must have value between 1 and {most}")
    return value


def pairs(body: Body, name: str) -> list[Mapping[str, str]]:
    """Return a list of Name and Value pairs, empty where the member is missing."""
    value = body.get(name) or []
    if not isinstance(value, list) or not all(isinstance(pair, dict) and "Name" in pair for pair in value):
        raise Refused("SerializationException", "A list of attributes expected.")
    return value


def mapping(body: Body, name: str) -> Mapping[str, str]:
    value = body.get(name) or {}
    if not isinstance(value, dict):
        raise Refused("SerializationException", "A map expected.")
    return value


def _unmet(name: str, constraint: str) -> Refused:
    member = name[0].lower() + name[1:]
    return invalid(f"1 validation error detected: Value at '{member}' failed to satisfy constraint: {constraint}")
