"""What an ALB drops from a message, what it adds to a request."""

import secrets
import time
from collections.abc import Iterable

from multidict import CIMultiDict, CIMultiDictProxy

_HOP_BY_HOP = frozenset(
    [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)
_MOST_FORWARDED_ADDRESSES = 30


def end_to_end(headers: CIMultiDictProxy[str] | CIMultiDict[str]) -> CIMultiDict[str]:
    """Return the headers without those of one hop, in their order and case, repeated ones repeated."""
    named = {name.strip().lower() for value in headers.getall("Connection", []) for name in value.split(",")}
    dropped = _HOP_BY_HOP | named
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in dropped)


def for_target(headers: CIMultiDictProxy[str], client: str, port: int) -> CIMultiDict[str]:
    """Add where the request came from. Host stays the client's; -Proto and -Port are never taken from the client."""
    result = end_to_end(headers)
    result.popall("Expect", None)
    _set_one(result, "X-Forwarded-For", ", ".join([*headers.getall("X-Forwarded-For", []), client]))
    _set_one(result, "X-Forwarded-Proto", "http")
    _set_one(result, "X-Forwarded-Port", str(port))
    _set_one(result, "X-Amzn-Trace-Id", trace_id(headers.get("X-Amzn-Trace-Id", "")))
    return result


def too_many_addresses(headers: CIMultiDictProxy[str]) -> bool:
    return sum(value.count(",") + 1 for value in headers.getall("X-Forwarded-For", [])) > _MOST_FORWARDED_ADDRESSES


def trace_id(given: str) -> str:
    """Make a Root, or, where the client sent one, put this hop's Self before it, as AWS documents."""
    fields = [field.strip() for field in given.split(";") if "=" in field]
    others = [field for field in fields if not field.startswith("Self=")]
    word = "Self" if _has(others, "Root=") else "Root"
    return ";".join([f"{word}=1-{int(time.time()):08x}-{secrets.token_hex(12)}", *others])


def _has(fields: Iterable[str], prefix: str) -> bool:
    return any(field.startswith(prefix) for field in fields)


def _set_one(headers: CIMultiDict[str], name: str, value: str) -> None:
    headers.popall(name, None)
    headers[name] = value
