"""The pace of the sandbox's engine, for the part of the demo that nobody wants to watch."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from sandbox.demo.forms import expect
from sandbox.demo.platform import Platform


@asynccontextmanager
async def in_haste(platform: Platform) -> AsyncIterator[None]:
    """Let the sandbox's engine write as fast as it can for a while; the real OpenAI writes at its own pace."""
    if platform.openai is None:
        yield
        return
    address = f"{platform.openai}/_sandbox/rate"
    async with httpx2.AsyncClient() as http:
        before = expect(await http.get(address), 200).json()
        expect(await http.post(address, json={"tokens_per_second": 0}), 200)
        try:
            yield
        finally:
            await http.post(address, json=before)
