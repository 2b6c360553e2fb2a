"""The stand-in's own JSON routes: the clock, the webhook log, redelivery."""

import asyncio
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.stripe.account import Account
from sandbox.stripe.billing import run_due
from sandbox.stripe.errors import ApiError
from sandbox.stripe.webhooks import Deliverer, delivery_log, pending_count, redeliver

_LONGEST_ADVANCE = 5 * 366 * 86_400


class Control:
    def __init__(self, account: Account, deliverer: Deliverer) -> None:
        self._account = account
        self._deliverer = deliverer

    def routes(self) -> list[Route]:
        return [
            Route("/_sandbox/clock", self._clock, methods=["GET"]),
            Route("/_sandbox/clock", self._advance, methods=["POST"]),
            Route("/_sandbox/webhooks", self._webhooks, methods=["GET"]),
            Route("/_sandbox/events/{id}/redeliver", self._redeliver, methods=["POST"]),
        ]

    async def _clock(self, _request: Request) -> Response:
        return JSONResponse(self._time())

    async def _advance(self, request: Request) -> Response:
        try:
            seconds = _seconds(json.loads(await request.body() or b"null"), self._account.now())
        except ValueError as error:
            return JSONResponse({"error": {"message": str(error)}}, 400)
        done = await advance(self._account, self._deliverer, seconds)
        return JSONResponse({**self._time(), "fell_due": done})

    async def _webhooks(self, _request: Request) -> Response:
        store = self._account.store
        return JSONResponse({"pending": pending_count(store), "deliveries": delivery_log(store)})

    async def _redeliver(self, request: Request) -> Response:
        try:
            delivery = redeliver(self._account, request.path_params["id"])
        except ApiError as error:
            return JSONResponse({"error": {"message": error.message}}, 404)
        self._deliverer.wake()
        return JSONResponse({"delivery": delivery}, 202)

    def _time(self) -> dict[str, int]:
        return {"now": self._account.now(), "offset_seconds": self._account.clock.offset}


async def advance(account: Account, deliverer: Deliverer, seconds: int) -> int:
    """Move time on and do what that brings, a day at a time so that other requests are served in between."""
    until = account.now() + seconds
    done = 0
    while (left := until - account.now()) > 0:
        account.clock.advance(min(left, 86_400))
        done += run_due(account, account.now())
        deliverer.wake()
        await asyncio.sleep(0)
    return done


def _seconds(wanted: Any, now: int) -> int:
    match wanted:
        case {"advance_seconds": int(seconds)} if not isinstance(seconds, bool):
            pass
        case {"to": int(moment)} if not isinstance(moment, bool):
            seconds = moment - now
        case _:
            raise ValueError('Give {"advance_seconds": n} or {"to": epoch}.')
    if not 0 <= seconds <= _LONGEST_ADVANCE:
        raise ValueError("Time only moves forward, and by five years at most.")
    return seconds
