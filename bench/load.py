"""Requests over kept-alive connections, so many at once, and when the first word and the end of each answer came."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

_END = b"0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """The seconds from the request to the first word and to the end, and when each event came (the loop's clock)."""

    first: float
    whole: float


class Connection(asyncio.Protocol):
    """One connection; one request at a time. `mark` stands in the first event that carries words."""

    def __init__(self, mark: bytes) -> None:
        self._mark = mark
        self._transport: asyncio.Transport | None = None
        self._done: asyncio.Future[Answer] | None = None
        self._seen, self._asked_at, self._first_at = b"", 0.0, 0.0
        self.begun = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not one by name

    def connection_lost(self, _: Exception | None) -> None:
        """Fail whoever waits."""
        if self._done and not self._done.done():
            self._done.set_exception(ConnectionError(f"cut behind {self._seen[-200:]!r}"))

    async def ask(self, request: bytes) -> Answer:
        """Send a request and read its answer to the end."""
        assert self._transport is not None
        self._done = asyncio.get_running_loop().create_future()
        self._seen, self._first_at = b"", 0.0
        self._asked_at = time.perf_counter()
        self._transport.write(request)
        return await self._done

    def close(self) -> None:
        """Leave, also in the middle of an answer."""
        if self._transport:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Note the first word and the end."""
        if not self._first_at:
            self._seen += data
            if self._mark in self._seen:
                self._first_at = time.perf_counter()
                self.begun.set()
            elif not self._seen.startswith(b"HTTP/1.1 200"):
                self._fail()
                return
        if data.endswith(_END) and self._done and not self._done.done():
            if not self._first_at:
                self._fail()
                return
            now = time.perf_counter()
            self._done.set_result(Answer(self._first_at - self._asked_at, now - self._asked_at))

    def _fail(self) -> None:
        if self._done and not self._done.done():
            self._done.set_exception(AssertionError(self._seen[:2000].decode(errors="replace")))


async def connect(url: str, mark: bytes) -> Connection:
    """Open a connection to the server of `url`."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: Connection(mark), parts.hostname, parts.port)
    return connection


async def ask_all(connections: Iterable[Connection], rows: Iterable[Iterator[bytes]]) -> list[Answer]:
    """Send each row of requests over a connection of its own, all rows at once."""

    async def ask_row(connection: Connection, row: Iterator[bytes]) -> list[Answer]:
        return [await connection.ask(request) for request in row]

    answered = await asyncio.gather(*map(ask_row, connections, rows))
    return [answer for answers in answered for answer in answers]


def post(path: str, body: bytes, **headers: str) -> bytes:
    """Write a request."""
    lines = [f"POST {path} HTTP/1.1", "Host: bench", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
