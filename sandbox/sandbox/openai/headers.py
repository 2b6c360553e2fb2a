"""Headers that every answer of OpenAI's carries and that support asks for."""

import secrets
import time

Header = tuple[bytes, bytes]


def common(started: float) -> list[Header]:
    """`started` is a reading of time.perf_counter."""
    milliseconds = max(1, int((time.perf_counter() - started) * 1000))
    return [
        (b"x-request-id", f"req_{secrets.token_hex(16)}".encode()),
        (b"openai-processing-ms", str(milliseconds).encode()),
        (b"openai-version", b"2020-10-01"),
        (b"openai-organization", b"truecrime-sandbox"),
    ]


def json_headers(started: float, length: int) -> list[Header]:
    return [(b"content-type", b"application/json"), (b"content-length", str(length).encode()), *common(started)]


def stream_headers(started: float) -> list[Header]:
    return [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache"), *common(started)]
