"""Lists of the API: filters and pages."""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from sandbox.cognito.errors import invalid
from sandbox.cognito.records import User

Item = TypeVar("Item")

_FILTER = re.compile(r'\s*"?(?P<name>[\w:]+)"?\s*(?P<operator>\^?=)\s*"(?P<value>(?:[^"\\]|\\.)*)"\s*')
_READERS: dict[str, Callable[[User], str]] = {
    "username": lambda user: user.username,
    "sub": lambda user: user.username,
    "email": lambda user: user.email,
    "name": lambda user: user.attributes.get("name", ""),
    "cognito:user_status": lambda user: user.status.value,
    "status": lambda user: "Enabled" if user.enabled else "Disabled",
}


def selected(users: Iterable[User], condition: str | None) -> list[User]:
    """Return the users that a filter such as `email ^= "re"` selects, oldest first; all without a filter."""
    in_order = sorted(users, key=lambda user: (user.created_at, user.username))
    if not condition:
        return in_order
    parts = _FILTER.fullmatch(condition)
    if parts is None or parts["name"] not in _READERS:
        raise invalid("Error while parsing filter.")
    read, value = _READERS[parts["name"]], re.sub(r"\\(.)", r"\1", parts["value"])
    if parts["name"] == "email":
        value = value.lower()
    if parts["operator"] == "=":
        return [user for user in in_order if read(user) == value]
    return [user for user in in_order if read(user).startswith(value)]


def page_of(
    items: Sequence[Item], size: int, token: str | None, key: Callable[[Item], str]
) -> tuple[Sequence[Item], str | None]:
    """Cut one page and the token of the next, which names the last item shown."""
    start = 0
    if token:
        try:
            last = base64.urlsafe_b64decode(token).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise invalid("Invalid pagination token.") from None
        start = next((position + 1 for position, item in enumerate(items) if key(item) == last), len(items))
    shown = items[start : start + size]
    more = start + size < len(items)
    return shown, base64.urlsafe_b64encode(key(shown[-1]).encode()).decode() if more else None
