"""Where a request stands in its trace, as headers say it: W3C's `traceparent`, and X-Ray's `X-Amzn-Trace-Id`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_W3C = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_ROOT = re.compile(r"1-([0-9a-f]{8})-(?![0-9a-f]{8}0{16})([0-9a-f]{24})")  # its end stands in for a parent: not zero
_ALB = re.compile(rb"Root=1-([0-9a-f]{8})-(?![0-9a-f]{8}0{16})([0-9a-f]{8})([0-9a-f]{16})")  # what most requests have
_PARENT = re.compile(r"(?!0{16})[0-9a-f]{16}")
_LONGEST = 512
_SAMPLED = {None: None, "?": None, "1": True, "0": False}


@dataclass(frozen=True, slots=True)
class XRayHeader:
    """`X-Amzn-Trace-Id`, ids in hexadecimal. The load balancer names a trace, but no parent and no wish to keep it."""

    trace_id: str
    parent_id: str | None
    sampled: bool | None

    @classmethod
    def of(cls, raw: bytes) -> "XRayHeader | None":
        """Read the header, whose fields may come in any order beside others'; None where it is none."""
        if len(raw) > _LONGEST:
            return None
        fields = dict(field.strip().partition("=")[::2] for field in raw.decode("latin-1").split(";"))
        root, parent, sampled = _ROOT.fullmatch(fields.get("Root", "")), fields.get("Parent"), fields.get("Sampled")
        if root is None or sampled not in _SAMPLED or (parent is not None and not _PARENT.fullmatch(parent)):
            return None
        return cls(root[1] + root[2], parent, _SAMPLED[sampled])


def traceparent_of(w3c: bytes, xray: bytes) -> str | None:
    """Return the `traceparent` that stands for the headers of a request, or None where they name no trace.

    W3C's goes first: whoever sent it knew more than the load balancer, which adds its own to every request. For that
    one's missing parent the end of the trace's id stands in, so that logs and events of a request share its trace.
    """
    if w3c and _W3C.fullmatch(w3c):
        return w3c.decode()
    if xray and (alone := _ALB.fullmatch(xray)):
        return (b"00-%b%b%b-%b-00" % (*alone.groups(), alone[3])).decode()
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
