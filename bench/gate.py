"""The access gate: a warm call against the least it could be, and how often a crowd of first calls asks payment."""

import asyncio
from argparse import ArgumentParser
from uuid import UUID, uuid4

import httpx2
import uvloop

from bench.measuring import Figure, in_turn, microseconds, ratio, show
from common_auth.access import AccessSnapshot
from common_auth.gate import AccessGate
from common_auth.service_tokens import ServiceTokens
from common_service.clock import utc_now

_CALLS, _ROUNDS, _CROWD = 2000, 40, 1000
_ANSWER_SECONDS = 0.02


class Payment:
    """Payment's answer after 20 ms, and the issuer's token; counts how often it was asked about access."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request."""
        await asyncio.sleep(_ANSWER_SECONDS)
        if request.url.path == "/oauth2/token":
            return httpx2.Response(200, json={"access_token": "service-token", "expires_in": 3600})
        self.asked += 1
        return httpx2.Response(200, json=_snapshot(request.url.path.rpartition("/")[2]), headers={"ETag": '"7"'})


def _snapshot(user_id: str) -> dict[str, object]:
    return {
        "user_id": user_id,
        "version": 7,
        "state": "active",
        "entitled": True,
        "plan": {"code": "pro", "version": 1},
        "period": {"start": "2026-11-01T00:00:00Z", "end": "2027-11-01T00:00:00Z"},
        "features": {"story.generate": {"type": "flag", "value": True}},
        "reason": None,
        "next_change_at": None,
        "ttl_seconds": 3600,
    }


async def measure() -> list[Figure]:
    """Ask as a crowd of 1,000, then again and again when it is known."""
    payment = Payment()
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(payment)) as http:
        tokens = ServiceTokens("http://issuer/oauth2/token", "bench", "bench", http)
        gate = AccessGate("http://payment", tokens, http, utc_now)
        reader = uuid4()
        crowd = await asyncio.gather(*(gate.access(reader) for _ in range(_CROWD)))
        assert all(snapshot.entitled for snapshot in crowd)
        asked = payment.asked
        least: dict[UUID, AccessSnapshot] = {reader: crowd[0]}

        async def look_up(user_id: UUID) -> AccessSnapshot:
            return least[user_id]

        async def floor() -> None:
            for _ in range(_CALLS):
                await look_up(reader)

        async def warm() -> None:
            for _ in range(_CALLS):
                await gate.access(reader)

        seconds = await in_turn({"floor": floor, "warm": warm}, rounds=_ROUNDS)
        assert payment.asked == asked, "a warm call left the process"
    return [
        Figure(f"upstream calls for {_CROWD:,} concurrent first calls", asked, "calls", 1),
        Figure("an awaited look-up in a dict", microseconds(seconds["floor"], _CALLS), "µs"),
        Figure("warm call", microseconds(seconds["warm"], _CALLS), "µs", 20),
        Figure("warm call / look-up", ratio(seconds["warm"], seconds["floor"]), "x"),
    ]


def main() -> None:
    """Measure and print."""
    ArgumentParser(description=__doc__).parse_args()  # --help tells, and starts nothing
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        show("gate", runner.run(measure()))


if __name__ == "__main__":
    main()
