"""Server-sent events from chunks: the same bytes for the same chunk, whoever reads it and when."""

from collections.abc import AsyncIterator
from typing import Any

from fastapi.responses import StreamingResponse

from story_service.domain.chunks import Chunk

MEDIA_TYPE = "text/event-stream"
_PING = b": ping\n\n"
_HEADERS = {"X-Accel-Buffering": "no"}
_EVENT = {
    "type": "object",
    "description": "One event of the stream; `data` is JSON.",
    "required": ["id", "event", "data"],
    "properties": {
        "id": {"type": "string"},
        "event": {"type": "string", "enum": ["meta", "delta", "notice", "error", "done"]},
        "data": {"type": "string"},
    },
}
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `meta`, `delta`, `notice`, `error` and at last `done`; `id` is their place in the log.",
        "content": {MEDIA_TYPE: {"schema": _EVENT}},
    }
}


def event_stream(chunks: AsyncIterator[Chunk | None], headers: dict[str, str] | None = None) -> StreamingResponse:
    """Answer with a stream that pings when nothing happens."""
    return StreamingResponse(_encoded(chunks), media_type=MEDIA_TYPE, headers=_HEADERS | (headers or {}))


def encoded(chunk: Chunk) -> bytes:
    """Return the bytes of one event."""
    return f"id: {chunk.seq}\nevent: {chunk.kind}\ndata: {chunk.data}\n\n".encode()


async def _encoded(chunks: AsyncIterator[Chunk | None]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield _PING if chunk is None else encoded(chunk)
