"""The stand-in's own JSON routes: the clock, billing policy, disputes, the webhook log, redelivery."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.stripe.account import Account
from sandbox.stripe.billing.disputes import close_dispute, open_dispute
from sandbox.stripe.billing.due import run_due
from sandbox.stripe.billing.policy import policy_of, set_policy
from sandbox.stripe.delivery_modes import modes_of, release, set_modes
from sandbox.stripe.errors import ApiError, JsonObject
from sandbox.stripe.operations.call import equal
from sandbox.stripe.operations.refunds import charge_named
from sandbox.stripe.store import Condition
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
            Route("/_sandbox/disputes", self._open_dispute, methods=["POST"]),
            Route("/_sandbox/disputes/{id}/close", self._close_dispute, methods=["POST"]),
            Route("/_sandbox/billing", self._billing, methods=["GET"]),
            Route("/_sandbox/billing", self._set_billing, methods=["POST"]),
            Route("/_sandbox/delivery", self._delivery, methods=["GET"]),
            Route("/_sandbox/delivery", self._set_delivery, methods=["POST"]),
            Route("/_sandbox/delivery/release", self._release, methods=["POST"]),
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

    async def _open_dispute(self, request: Request) -> Response:
        """Of `charge` or `payment_intent`, or the latest charge of `customer`; `reason` as Stripe names it."""

        def opened(wanted: JsonObject) -> JsonObject:
            return open_dispute(
                self._account, _disputed_charge(self._account, wanted), str(wanted.get("reason", "fraudulent"))
            )

        return await self._act(request, opened, 201)

    async def _close_dispute(self, request: Request) -> Response:
        def closed(wanted: JsonObject) -> JsonObject:
            outcome = wanted.get("outcome")
            if outcome not in ("won", "lost"):
                raise ValueError('Give {"outcome": "won" | "lost"}.')
            body = self._account.fetch("dispute", request.path_params["id"])
            return close_dispute(self._account, body, "won" if outcome == "won" else "lost")

        return await self._act(request, closed, 200)

    async def _billing(self, _request: Request) -> Response:
        return JSONResponse(policy_of(self._account.store).body())

    async def _set_billing(self, request: Request) -> Response:
        return await self._act(request, lambda wanted: set_policy(self._account.store, wanted).body(), 200)

    async def _delivery(self, _request: Request) -> Response:
        return JSONResponse(modes_of(self._account.store).body())

    async def _set_delivery(self, request: Request) -> Response:
        return await self._act(request, lambda wanted: set_modes(self._account.store, wanted).body(), 200)

    async def _release(self, request: Request) -> Response:
        """Send what was held."""
        store = self._account.store
        return await self._act(request, lambda wanted: {"released": release(store, wanted, time.time())}, 202)

    async def _act(self, request: Request, act: Callable[[JsonObject], JsonObject], status: int) -> Response:
        """Do what a JSON body asks for, in one transaction."""
        try:
            wanted = json.loads(await request.body() or b"{}")
            with self._account.acting():
                answer = act(_hash(wanted))
        except ValueError as error:
            return JSONResponse({"error": {"message": str(error)}}, 400)
        except ApiError as error:
            return JSONResponse({"error": {"message": error.message}}, error.status)
        self._deliverer.wake()
        return JSONResponse(answer, status)

    def _time(self) -> dict[str, int]:
        return {"now": self._account.now(), "offset_seconds": self._account.clock.offset}


def _hash(wanted: object) -> JsonObject:
    match wanted:
        case dict():
            return wanted
    raise ValueError("Give a JSON object.")


def _disputed_charge(account: Account, wanted: JsonObject) -> JsonObject:
    if "customer" not in wanted:
        return charge_named(account, {name: str(value) for name, value in wanted.items() if name != "reason"})
    paid = [Condition("customer = ?", (str(wanted["customer"]),)), equal("status", "succeeded")]
    charges = account.store.page("charge", paid, limit=1).bodies
    if not charges:
        raise ValueError("This customer has paid nothing.")
    return charges[0]


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
