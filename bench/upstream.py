"""What stands around the servers that are measured, in one process: a model that streams, payment's answer, keys.

It is as lean as one process of Python can be: what it costs is the floor under everybody.
"""

import asyncio
from collections.abc import Callable
from typing import cast
from uuid import UUID

import orjson

CHUNKS = 50
_PIECE = "a few words of it, "
_PATHS = {b"/v1": 0.0, b"/paced/v1": 1 / 45, b"/slow/v1": 3.0}  # seconds between two chunks
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_FEATURES = {
    "chat.access": {"kind": "flag", "value": True},
    "tokens.month": {"kind": "limit", "limit": 10**12, "window": "billing_period"},
    "chats.day": {"kind": "limit", "limit": 10**6, "window": "day"},
    "concurrent.generations": {"kind": "limit", "limit": 4, "window": "total"},
    "context.tokens": {"kind": "limit", "value": 12_000},
}
Answers = dict[bytes, Callable[[bytes], object]]


def answers(jwks: object) -> Answers:
    """Return what is answered in JSON, by the first part of the path."""
    return {
        b"jwks": lambda _: jwks,
        b"models": lambda _: {"object": "list", "data": []},
        b"token": lambda _: {"access_token": "of this run", "expires_in": 3600},
        b"internal": _access,
        b"moderations": _moderation,
    }


class World(asyncio.Protocol):
    """One connection, kept alive; requests come one after another."""

    def __init__(self, answers: Answers) -> None:
        self._answers, self._buffer = answers, bytearray()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not one by name

    def connection_lost(self, _: Exception | None) -> None:
        """Stop writing to somebody who left."""
        self._transport = None
        if self._timer:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer what is whole."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:end])
            size = end + 4 + _length(head)
            if len(self._buffer) < size:
                return
            body = bytes(self._buffer[end + 4 : size])
            del self._buffer[:size]
            self._answer(head.split(b" ", 2)[1], body)

    def _answer(self, path: bytes, body: bytes) -> None:
        before, found, _ = path.partition(b"/chat/completions")
        if found:
            self._stream(_PATHS[before])
            return
        name = path.removeprefix(b"/v1").split(b"/")[1]
        self._write(_json(self._answers[name](path if name == b"internal" else body)))

    def _stream(self, pause: float) -> None:
        self._write(_HEAD)
        if pause:
            self._write_next(0, pause)
            return
        for chunk in _STREAM:
            self._write(chunk)

    def _write_next(self, number: int, pause: float) -> None:
        self._write(_STREAM[number])
        if number + 1 < len(_STREAM):
            loop = asyncio.get_running_loop()
            wait = pause if 0 < number < CHUNKS else 0.0
            self._timer = loop.call_later(wait, self._write_next, number + 1, pause)

    def _write(self, data: bytes) -> None:
        if self._transport:
            self._transport.write(data)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _json(document: object) -> bytes:
    body = orjson.dumps(document)
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def _access(path: bytes) -> object:
    user_id = UUID(path.rpartition(b"/")[2].decode())
    return {
        "user_id": str(user_id), "version": 1, "state": "active", "entitled": True, "plan": {"code": "pro"},
        "period": {"start": "2020-01-01T00:00:00+00:00", "end": "2100-01-01T00:00:00+00:00"}, "features": _FEATURES,
        "reason": None, "action": None, "next_change_at": None, "ttl_seconds": 30,
    }  # fmt: skip


def _moderation(_: bytes) -> object:
    result = {"flagged": False, "categories": {"violence": False}, "category_scores": {"violence": 0.001},
              "category_applied_input_types": {}}  # fmt: skip
    return {"id": "modr-1", "model": "omni-moderation-latest", "results": [result]}


def _event(choices: list[object], usage: object = None) -> bytes:
    document = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": "gpt-5-mini",
                "choices": choices, "usage": usage}  # fmt: skip
    return _chunked(b"data: %b\n\n" % orjson.dumps(document))


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _choice(delta: object, finish: str | None = None) -> list[object]:
    return [{"index": 0, "delta": delta, "finish_reason": finish}]


_STREAM = [
    _event(_choice({"role": "assistant", "content": ""})),
    *(_event(_choice({"content": _PIECE})) for _ in range(CHUNKS)),
    _event(_choice({}, "stop")),
    _event([], {"prompt_tokens": 200, "completion_tokens": 250, "total_tokens": 450})
    + _chunked(b"data: [DONE]\n\n")
    + b"0\r\n\r\n",
]
