"""OpenAI and whoever speaks its language write. The SDK makes the request and names the errors; we read the bytes.

The SDK would build an object per chunk, six times the cost of everything else on the path (performance.md).
"""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Any

import httpx2
import orjson

from story_service.domain.errors import WriterFailed
from story_service.domain.pricing import CatalogModel, Endpoint, Usage
from story_service.domain.prompt import Message, Prompt
from story_service.infrastructure.openai_client import ProviderClients

if TYPE_CHECKING:
    from openai import OpenAIError

_TIMEOUT = httpx2.Timeout(30.0, connect=2.0, pool=5.0)  # between two words; a chain waits less for the first
_DONE = b"[DONE]"
_LONGEST_LINE = 1 << 20
_TOO_MANY, _SERVER_ERROR = 429, 500


class OpenAIWriter:
    """Streams a chat completion. It never tries twice: that is a matter of the chain and of the lease."""

    def __init__(self, clients: ProviderClients) -> None:
        self._clients = clients

    async def write(self, model: CatalogModel, prompt: Prompt, most_tokens: int) -> AsyncGenerator[str | Usage, None]:
        """Yield pieces of text, then the usage if it was told. Raises WriterFailed."""
        from openai import OpenAIError

        finished, events = False, self._events(model, prompt, most_tokens)
        try:
            async for event in events:
                usage = event.get("usage")
                if usage:
                    yield _usage(usage)
                for choice in event.get("choices") or ():
                    if piece := _piece(choice):
                        yield piece
                    finished = finished or choice.get("finish_reason") is not None
        except OpenAIError as error:
            raise WriterFailed(_code(error)) from error
        except httpx2.TimeoutException as error:
            raise WriterFailed("provider_timeout") from error
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            raise WriterFailed("provider_cut") from error
        if not finished:
            raise WriterFailed("provider_cut")

    async def _events(self, model: CatalogModel, prompt: Prompt, most_tokens: int) -> AsyncIterator[dict[str, Any]]:
        endpoint = model.endpoint
        create = self._clients.of(endpoint).sdk.chat.completions.with_streaming_response.create
        async with create(
            model=model.model,
            messages=(),
            stream=True,
            timeout=_TIMEOUT,
            extra_body=_body(endpoint, prompt, most_tokens),  # the SDK walks through all else, word by word
        ) as response:
            async for data in _data(response.iter_bytes()):
                if data == _DONE:
                    return
                yield _event(data)


async def _data(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Give the data of server-sent events. Parts are cut anywhere, also within a character."""
    rest = b""
    async for part in parts:
        *lines, rest = (rest + part).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise WriterFailed("provider_malformed")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()


def _event(data: bytes) -> dict[str, Any]:
    try:
        event = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise WriterFailed("provider_malformed") from error
    if not isinstance(event, dict):
        raise WriterFailed("provider_malformed")
    if event.get("error"):
        raise WriterFailed("provider_unavailable")
    return event


def _piece(choice: dict[str, Any]) -> str | None:
    delta = choice.get("delta") or {}
    if delta.get("refusal"):
        raise WriterFailed("provider_refused")
    if choice.get("finish_reason") == "content_filter":
        raise WriterFailed("provider_filtered")
    piece = delta.get("content")
    return piece.replace("\x00", "") if isinstance(piece, str) else None


def _usage(told: dict[str, Any]) -> Usage:
    return Usage(int(told.get("prompt_tokens") or 0), int(told.get("completion_tokens") or 0))


def _wire(message: Message) -> dict[str, str]:
    return {"role": message.role, "content": message.content}


def _body(endpoint: Endpoint, prompt: Prompt, most_tokens: int) -> dict[str, Any]:
    options: dict[str, Any] = {"messages": [_wire(message) for message in prompt.messages]}
    options[endpoint.output_limit] = most_tokens
    if endpoint.tells_usage:
        options["stream_options"] = {"include_usage": True}
    if prompt.schema is not None:
        described = {"name": "answer", "strict": True, "schema": prompt.schema}
        options["response_format"] = {"type": "json_schema", "json_schema": described}
    return options


def _code(error: "OpenAIError") -> str:
    from openai import APIConnectionError, APIStatusError, APITimeoutError

    if isinstance(error, APITimeoutError):
        return "provider_timeout"
    if isinstance(error, APIConnectionError):
        return "provider_unavailable"
    if isinstance(error, APIStatusError):
        if error.status_code == _TOO_MANY:
            return "provider_rate_limited"
        return "provider_unavailable" if error.status_code >= _SERVER_ERROR else "provider_rejected"
    return "provider_unavailable"
