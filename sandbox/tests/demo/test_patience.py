"""Retry-After is obeyed where that is safe, and not for ever."""

from typing import Any

import httpx2
import pytest

from sandbox.demo.patience import Patient

pytestmark = pytest.mark.anyio


class Busy(httpx2.AsyncBaseTransport):
    """Is busy for so many requests, and remembers what it was asked."""

    def __init__(self, requests: int, **headers: str) -> None:
        self.left, self.headers, self.asked = requests, headers or {"Retry-After": "0"}, list[bytes]()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(await request.aread())
        self.left -= 1
        return httpx2.Response(200) if self.left < 0 else httpx2.Response(503, headers=self.headers)


async def send(busy: Busy, method: str = "POST", **headers: Any) -> tuple[int, int]:
    """Return the status in the end, and how often the client waited."""
    patience = Patient(busy)
    async with httpx2.AsyncClient(transport=patience) as http:
        answer = await http.request(method, "http://platform/", json={"prompt": "p"}, headers=headers)
    return answer.status_code, patience.waits


async def test_a_request_with_a_key_is_sent_again_as_it_was() -> None:
    busy = Busy(2)
    assert await send(busy, **{"Idempotency-Key": "k"}) == (200, 2)
    assert len(set(busy.asked)) == 1


async def test_a_reading_request_needs_no_key() -> None:
    assert await send(Busy(1), "GET") == (200, 1)


async def test_a_request_that_might_be_done_twice_is_not_sent_again() -> None:
    assert await send(Busy(1)) == (503, 0)


async def test_without_a_time_to_wait_nothing_is_sent_again() -> None:
    assert await send(Busy(1, **{"X-Other": "1"}), "GET") == (503, 0)


async def test_patience_ends() -> None:
    assert await send(Busy(100), "GET") == (503, 12)
