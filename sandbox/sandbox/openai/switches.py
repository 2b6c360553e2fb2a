"""The token rate and the faults of the next requests: what a person or a test changes while the server runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.openai.errors import ApiError, broken, invalid, out_of_quota, overloaded, rate_limited

ERRORS = {
    "429": rate_limited,
    "500": broken,
    "503": overloaded,
    "insufficient_quota": out_of_quota,
}
KINDS = (*ERRORS, "timeout", "cut", "refusal", "empty", "slow", "split_utf8", "usage_overrun", "no_usage")
TARGETS = ("generation", "moderations", "any")
_MOST_WAITING = 600.0


@dataclass(slots=True)
class Fault:
    """`after_chunks` says after how many tokens a stream is cut or paused; `seconds` how long `slow` waits there."""

    kind: str
    count: int = 1
    after_chunks: int = 0
    seconds: float = 2.0
    target: str = "generation"

    def document(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "count": self.count,
            "after_chunks": self.after_chunks,
            "seconds": self.seconds,
            "target": self.target,
        }

    def error(self) -> ApiError | None:
        return ERRORS[self.kind]() if self.kind in ERRORS else None


def read_fault(body: Mapping[str, Any]) -> Fault:
    kind, target = str(body.get("kind")), body.get("target", "generation")
    if kind not in KINDS:
        raise invalid(f"kind must be one of {', '.join(KINDS)}.", "kind")
    if target not in TARGETS:
        raise invalid(f"target must be one of {', '.join(TARGETS)}.", "target")
    after = number(body.get("after_chunks", 8 if kind == "cut" else 0), "after_chunks")
    return Fault(
        kind=kind,
        count=max(1, int(number(body.get("count", 1), "count"))),
        after_chunks=int(after),
        seconds=min(number(body.get("seconds", 2.0), "seconds"), _MOST_WAITING),
        target=target,
    )


@dataclass(slots=True)
class Switches:
    """`tokens_per_second` of 0 is as fast as possible."""

    tokens_per_second: float
    faults: list[Fault] = field(default_factory=list)
    streams: int = 0

    def take(self, target: str) -> Fault | None:
        """Return the oldest fault waiting for this kind of request, once for each time it was asked for."""
        fault = next((one for one in self.faults if one.target in (target, "any")), None)
        if fault is None:
            return None
        fault.count -= 1
        if fault.count == 0:
            self.faults.remove(fault)
        return fault


def number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise invalid(f"{name} must be a number of 0 or more.", name)
    return float(value)
