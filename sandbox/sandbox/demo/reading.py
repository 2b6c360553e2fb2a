"""Reads a story as it is written: the server-sent events of a generation."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2
import orjson

from sandbox.demo.errors import NotSubscribed, StepFailed
from sandbox.demo.forms import expect, visible_error
from sandbox.demo.visitor import Visitor

Listener = Callable[[str], None]


@dataclass(slots=True)
class Reading:
    """What a reader saw of one story."""

    text: str = ""
    meta: dict[str, Any] = field(default_factory=dict)
    done: dict[str, Any] = field(default_factory=dict)
    windows: int = 0
    first_words_ms: int = 0
    replayed: bool = False


async def read_story(visitor: Visitor, body: dict[str, Any], key: str, listen: Listener) -> Reading:
    """Post a story and read it to its end. Raises NotSubscribed, or StepFailed for a story that does not end well."""
    headers = visitor.bearer() | {"Idempotency-Key": key, "Accept": "text/event-stream"}
    reading, started = Reading(), time.perf_counter()
    request = visitor.http.stream("POST", f"{visitor.platform.web}/story/v1/stories", json=body, headers=headers)
    async with request as answer:
        if answer.status_code != httpx2.codes.OK:
            await answer.aread()
        if answer.status_code == httpx2.codes.PAYMENT_REQUIRED:
            raise NotSubscribed(f"The gate is still shut: {visible_error(answer.text)}")
        expect(answer, 200)
        reading.replayed = answer.headers.get("idempotent-replayed") == "true"
        async for event in httpx2.EventSource(answer):
            _take(reading, event.event, orjson.loads(event.data), started, listen)
    if not reading.done or reading.done["state"] != "succeeded":
        raise StepFailed(f"The story ended as {reading.done or 'nothing'}.")
    return reading


def _take(reading: Reading, kind: str, data: dict[str, Any], started: float, listen: Listener) -> None:
    if kind == "meta":
        reading.meta = data
    elif kind == "delta":
        if not reading.windows:
            reading.first_words_ms = round((time.perf_counter() - started) * 1000)
        reading.windows += 1
        reading.text += data["t"]
        listen(data["t"])
    elif kind == "done":
        reading.done = data
    elif kind == "error":
        raise StepFailed(f"The stream ended with the error {data.get('code')}.")
