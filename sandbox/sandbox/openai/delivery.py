"""How bytes leave: paced by the token rate against a clock that does not drift, and given up when the client goes.

One timer a stream; events that are due together leave in one write.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from sandbox.openai.switches import Fault, Switches

_BLOCK = 32
_APART = 0.02  # long enough that two writes are two TCP segments and two reads

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Frames:
    """Encoded events; those of tokens stand from `first` up to `last`, before them and after them is no waiting."""

    events: Sequence[bytes]
    first: int
    last: int


class Delivery:
    """An ASGI response: `frames` at the rate, or one body; with the faults that happen while sending."""

    def __init__(
        self, frames: Frames, switches: Switches, fault: Fault | None, headers: Headers, *, tokens: int = 0
    ) -> None:
        self._frames = frames
        self._switches = switches
        self._kind = fault.kind if fault else ""
        self._fault = fault
        self._headers = headers
        self._tokens = tokens

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        work, gone = asyncio.ensure_future(self._deliver(send)), asyncio.ensure_future(_left(receive))
        self._switches.streams += 1
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._switches.streams -= 1
            gone.cancel()
            if not work.done():
                work.cancel()
        if work.done() and not work.cancelled():
            work.result()

    async def _deliver(self, send: Send) -> None:
        if self._kind == "timeout":
            await asyncio.Event().wait()
        if self._fault and self._kind == "slow" and self._fault.after_chunks == 0:
            await asyncio.sleep(self._fault.seconds)
        rate = self._switches.tokens_per_second
        if self._tokens and rate:
            await asyncio.sleep(self._tokens / rate)
        await send({"type": "http.response.start", "status": 200, "headers": list(self._headers)})
        if await self._pace(send, rate):
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pace(self, send: Send, rate: float) -> bool:
        """Send what is due until all is sent; return False where the connection is to be cut."""
        events, first, clock = self._frames.events, self._frames.first, asyncio.get_running_loop().time
        end = self._end()
        pause = first + self._fault.after_chunks if self._fault and self._kind == "slow" else -1
        start, at = clock(), 0
        while at < end:
            if at == pause and self._fault and self._fault.after_chunks:
                await asyncio.sleep(self._fault.seconds)
                start, pause = start + self._fault.seconds, -1
            upto = self._due(at, end, clock() - start, rate)
            if at < pause < upto:
                upto = pause
            if upto == at:
                await asyncio.sleep(start + (at - first) / rate - clock())
                continue
            await self._write(send, b"".join(events[at:upto]) if upto > at + 1 else events[at])
            at = upto
            if not rate:
                await asyncio.sleep(0)
        return self._kind != "cut"

    def _due(self, at: int, end: int, elapsed: float, rate: float) -> int:
        if not rate:
            return min(at + _BLOCK, end)
        last = self._frames.last
        due = self._frames.first + int(elapsed * rate + 1e-6) + 1
        return end if due >= last else max(at, min(due, end))

    def _end(self) -> int:
        if self._kind != "cut" or self._fault is None:
            return len(self._frames.events)
        return min(self._frames.first + self._fault.after_chunks, self._frames.last)

    async def _write(self, send: Send, body: bytes) -> None:
        if self._kind == "split_utf8":
            for part in _torn(body):
                await send({"type": "http.response.body", "body": part, "more_body": True})
                await asyncio.sleep(_APART)
        else:
            await send({"type": "http.response.body", "body": body, "more_body": True})


def _torn(body: bytes) -> list[bytes]:
    """Cut after the first byte of a character of several bytes, where there is one."""
    at = next((index for index, byte in enumerate(body) if byte >= 0xC0), None)
    return [body] if at is None else [body[: at + 1], body[at + 1 :]]


async def _left(receive: Callable[[], Awaitable[object]]) -> None:
    while True:
        message = await receive()
        if isinstance(message, dict) and message.get("type") == "http.disconnect":
            return
