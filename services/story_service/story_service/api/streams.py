"""Server-sent events from chunks: the same bytes for the same chunk, whoever reads it and when."""

from collections.abc import AsyncIterator
from typing import Any

from fastapi.responses import StreamingResponse

from common_service.draining import Drain, farewell
from story_service.domain.chunks import DONE, Chunk

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


def event_stream(
    chunks: AsyncIterator[Chunk | None], drain: Drain, headers: dict[str, str] | None = None
) -> StreamingResponse:
    """Answer with a stream that pings when nothing happens and says farewell when its process ends."""
    return StreamingResponse(_encoded(chunks, drain), media_type=MEDIA_TYPE, headers=_HEADERS | (headers or {}))


def encoded(chunk: Chunk) -> bytes:
    """Return the bytes of one event."""
    return f"id: {chunk.seq}\nevent: {chunk.kind}\ndata: {chunk.data}\n\n".encode()


async def _encoded(chunks: AsyncIterator[Chunk | None], drain: Drain) -> AsyncIterator[bytes]:
    is_done = False
    async for chunk in drain.until_ending(chunks):
        yield _PING if chunk is None else encoded(chunk)
        is_done = chunk is not None and chunk.kind == DONE
    if drain.ending.is_set() and not is_done:
        yield farewell()
