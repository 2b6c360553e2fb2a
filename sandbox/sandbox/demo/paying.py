"""Subscribes as a person does: asks for a checkout, fills in Stripe's page, and waits until the platform knows."""

import asyncio
import time
from uuid import uuid4

from sandbox.demo.errors import StepFailed
from sandbox.demo.forms import expect, open_page, submit
from sandbox.demo.visitor import Visitor

CARD = {"card_number": "4242 4242 4242 4242", "card_expiry": "12 / 34", "card_cvc": "123", "name": "A Reader"}
_PATIENCE = 30.0


async def open_checkout(visitor: Visitor, plan: str = "pro") -> str:
    """Return the address of the payment page."""
    body = {"plan_code": plan, "return_path": "/"}
    answer = await visitor.call("POST", "/payment/v1/checkout-sessions", body=body, Idempotency_Key=str(uuid4()))
    url: str = expect(answer, 201).json()["url"]
    return url


async def pay(visitor: Visitor, checkout_url: str) -> None:
    """Pay with 4242 4242 4242 4242."""
    page = await open_page(visitor.http, checkout_url)
    expect(await submit(visitor.http, page, CARD, if_asked={"email": visitor.email}), 303)


async def wait_for_access(visitor: Visitor) -> float:
    """Return the seconds until `/payment/v1/me/access` says that this person may read."""
    started = time.perf_counter()
    while (waited := time.perf_counter() - started) < _PATIENCE:
        access = expect(await visitor.call("GET", "/payment/v1/me/access"), 200).json()
        if access["entitled"]:
            return waited
        await asyncio.sleep(0.05)
    raise StepFailed(f"No access {_PATIENCE:.0f} s after the payment.")
