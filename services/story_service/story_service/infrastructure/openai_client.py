"""The one OpenAI client of a process, made at its first use: the SDK takes half a second and 50 MB to import."""

import asyncio
import importlib
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_MOST_STREAMS = 1000


class OpenAIClient:
    """Knows the address and the key; `sdk` is the client, which retries nothing by itself."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self._base_url, self._api_key = base_url, api_key

    @cached_property
    def sdk(self) -> "AsyncOpenAI":
        """The client."""
        import httpx2
        from openai import AsyncOpenAI

        from common_service.http import HttpClient

        limits = httpx2.Limits(max_connections=_MOST_STREAMS, max_keepalive_connections=64)
        http = HttpClient(tells_trace=False, limits=limits, timeout=30.0)
        return AsyncOpenAI(api_key=self._api_key, base_url=self._base_url, max_retries=0, http_client=http)

    async def warm(self) -> None:
        """Import the SDK beside the loop, before the first reader waits for it."""
        await asyncio.to_thread(importlib.import_module, "openai")

    async def close(self) -> None:
        """Close the connections, if any were opened."""
        if "sdk" in self.__dict__:
            await self.sdk.close()
