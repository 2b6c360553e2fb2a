"""The clients of a process, made at their first use: the SDK takes half a second and 50 MB to import."""

import asyncio
import importlib
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from story_service.domain.errors import WriterFailed
from story_service.domain.pricing import Endpoint

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_MOST_STREAMS = 2500  # more than a process runs at once


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


class ProviderClients:
    """A client for each provider, OpenAI's or one that speaks its language, by the keys that the settings hold."""

    def __init__(self, openai: OpenAIClient, keys: Mapping[str, str]) -> None:
        self._openai, self._keys = openai, dict(keys)
        self._others: dict[Endpoint, OpenAIClient] = {}

    def of(self, endpoint: Endpoint) -> OpenAIClient:
        """Return the client of an endpoint. Raises WriterFailed where there is no key for it."""
        if endpoint.base_url is None:
            return self._openai
        if endpoint not in self._others:
            key = self._keys.get(endpoint.secret)
            if not key:
                raise WriterFailed("provider_rejected")
            self._others[endpoint] = OpenAIClient(endpoint.base_url, key)
        return self._others[endpoint]

    async def close(self) -> None:
        """Close the connections of all."""
        for client in (self._openai, *self._others.values()):
            await client.close()
