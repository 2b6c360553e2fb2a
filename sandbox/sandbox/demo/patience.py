"""Does what `Retry-After` asks for, as a good client does: the platform sheds load rather than charge by guess."""

import asyncio
import random

import httpx2

_MOST_WAITS = 12
_LONGEST_WAIT = 5.0
_REPEATABLE = frozenset({"GET", "HEAD"})


class Patient(httpx2.AsyncBaseTransport):
    """Sends again what was answered 503 with Retry-After, if sending it twice cannot do it twice. Counts the waits."""

    def __init__(self, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._transport = transport or httpx2.AsyncHTTPTransport()
        self.waits = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = await self._transport.handle_async_request(request)
        for waited in range(_MOST_WAITS):
            seconds = _wait_of(request, answer)
            if seconds is None:
                break
            await answer.aclose()
            self.waits += 1
            await asyncio.sleep(seconds * random.uniform(1, 1.5 + waited / 2))  # not all who were turned away at once
            answer = await self._transport.handle_async_request(request)
        return answer

    async def aclose(self) -> None:
        await self._transport.aclose()


def _wait_of(request: httpx2.Request, answer: httpx2.Response) -> float | None:
    wait = answer.headers.get("retry-after", "")
    repeatable = request.method in _REPEATABLE or "idempotency-key" in request.headers
    if answer.status_code != httpx2.codes.SERVICE_UNAVAILABLE or not wait.isdecimal() or not repeatable:
        return None
    return min(float(wait), _LONGEST_WAIT)
