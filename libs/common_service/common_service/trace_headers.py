"""Where a request stands in its trace, as headers say it: W3C's `traceparent`, and X-Ray's `X-Amzn-Trace-Id`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_W3C = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_XRAY = re.compile(
    rb"(?:Self=[\w-]{1,64}; ?)?Root=1-([0-9a-f]{8})-(?![0-9a-f]{8}0{16})([0-9a-f]{24})"
    rb"(?:; ?Parent=(?!0{16})([0-9a-f]{16}))?(?:; ?Sampled=([01?]))?"
    rb"(?:; ?(?!Parent=|Sampled=|Root=)\w{1,32}=[\w.:/-]{0,128}){0,8}"
)
_SAMPLED = {b"1": True, b"0": False}


@dataclass(frozen=True, slots=True)
class XRayHeader:
    """`X-Amzn-Trace-Id`, ids in hexadecimal. The load balancer names a trace, but no parent and no wish to keep it."""

    trace_id: str
    parent_id: str | None
    sampled: bool | None

    @classmethod
    def of(cls, raw: bytes) -> "XRayHeader | None":
        """Read the header; None where it is none."""
        found = _XRAY.fullmatch(raw)
        if found is None:
            return None
        epoch, unique, parent, sampled = found.groups()
        return cls((epoch + unique).decode(), parent.decode() if parent else None, _SAMPLED.get(sampled))


def traceparent_of(w3c: bytes, xray: bytes) -> str | None:
    """Return the `traceparent` that stands for the headers of a request, or None where they name no trace.

    W3C's goes first: whoever sent it knew more than the load balancer, which adds its own to every request. For that
    one's missing parent the end of the trace's id stands in, so that logs and events of a request share its trace.
    """
    if w3c and _W3C.fullmatch(w3c):
        return w3c.decode()
    if xray and (header := XRayHeader.of(xray)):
        return f"00-{header.trace_id}-{header.parent_id or header.trace_id[-16:]}-{'01' if header.sampled else '00'}"
    return None


def as_headers(traceparent: str) -> dict[str, str]:
    """Return both headers that pass a trace on to whom we call."""
    _version, trace, span, flags = traceparent.split("-")
    xray = f"Root=1-{trace[:8]}-{trace[8:]};Parent={span};Sampled={int(flags, 16) & 1}"
    return {"traceparent": traceparent, "X-Amzn-Trace-Id": xray}


def with_trace_ids(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a log line says of its trace: `trace_id` and `span_id` in place of `traceparent`."""
    match str(event.get("traceparent", "")).split("-"):
        case [_version, trace, span, _flags]:
            rest = {name: value for name, value in event.items() if name != "traceparent"}
            return {**rest, "trace_id": trace, "span_id": span}
        case _:
            return event
