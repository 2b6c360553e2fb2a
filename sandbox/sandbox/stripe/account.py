"""The Stripe account that the stand-in plays: objects, the events about them and the time they live in."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sandbox.stripe.clock import Clock
from sandbox.stripe.delivery_modes import AT_ONCE, Copy, fate
from sandbox.stripe.errors import JsonObject, missing
from sandbox.stripe.ids import new_id
from sandbox.stripe.objects.events import changed, event
from sandbox.stripe.store import Store

LIVE_STATUSES = ("active", "trialing", "past_due", "unpaid", "paused")

DeliveryPlan = Callable[[str], Sequence[float]]
"""Seconds after which each copy of an event (named by its type) goes out: none is a lost event, two a duplicate."""


def at_once(_event_type: str) -> Sequence[float]:
    return (0.0,)


def told_to_nobody(_event_type: str) -> Sequence[float]:
    return ()


@dataclass(frozen=True, slots=True)
class Cause:
    """The API request that an event names as its origin; the clock and the pages have none."""

    request_id: str | None = None
    idempotency_key: str | None = None


class Account:
    def __init__(self, store: Store, clock: Clock, *, public_url: str, plan: DeliveryPlan = at_once) -> None:
        self.store = store
        self.clock = clock
        self.public_url = public_url.rstrip("/")
        self.plan = plan
        self._cause = Cause()

    def now(self) -> int:
        return self.clock.now()

    @contextmanager
    def acting(self, cause: Cause | None = None) -> Iterator[None]:
        """One transaction at one moment: what it changes and the events about it are kept together or not at all.

        A second that ended within it would part what begins from the period that begins with it.
        """
        self._cause = cause or Cause()
        try:
            with self.clock.held_at(self.clock.now()), self.store.transaction():
                yield
        finally:
            self._cause = Cause()

    def fetch(self, kind: str, object_id: str, param: str = "id") -> JsonObject:
        body = self.store.find(object_id)
        if body is None or body["object"] != kind or body.get("deleted"):
            raise missing(kind.rpartition(".")[2].replace("_", " "), object_id, param)
        return body

    def keep(self, body: JsonObject, private: Mapping[str, Any] | None = None) -> JsonObject:
        self.store.insert(body, due=_due(body), private=dict(private or {}))
        return body

    def later(self, moment: int, what: str, about: str) -> None:
        """Let something happen to an object at a moment that the object itself does not show."""
        self.keep(
            {"id": new_id("tmr"), "object": "timer", "created": self.now(), "at": moment, "what": what, "about": about}
        )

    def change(self, body: JsonObject, event_type: str | None = None, **changes: Any) -> JsonObject:
        """Keep the changed object; the event, if any, goes out only when something differs."""
        new = {**body, **changes}
        if previous := changed(body, new):
            self.store.replace(new, due=_due(new))
            if event_type is not None:
                self.emit(event_type, new, previous if event_type.endswith(".updated") else None)
        return new

    def emit(self, event_type: str, body: JsonObject, previous: JsonObject | None = None) -> None:
        request = {"id": self._cause.request_id, "idempotency_key": self._cause.idempotency_key}
        happened = event(new_id("evt"), event_type, body, self.now(), request, previous)
        self.keep(happened)
        lane = body["id"] if body["object"] == "customer" else body.get("customer") or body["id"]
        for delay in self.plan(event_type):
            for copy in fate(self.store):
                self.enqueue(happened, lane, replace(copy, delay_s=copy.delay_s + delay))

    def enqueue(self, happened: JsonObject, lane: str, copy: Copy = AT_ONCE) -> int:
        """Deliveries wait on wall time: the account's clock is what they tell about, not when they travel."""
        state = "dropped" if copy.dropped else "held" if copy.held else "pending"
        cursor = self.store.sql.execute(
            "INSERT INTO deliveries (event, event_type, lane, state, due_at, forged) VALUES (?, ?, ?, ?, ?, ?)",
            (
                happened["id"],
                happened["type"],
                lane if copy.in_order else new_id("lane"),
                state,
                time.time() + copy.delay_s,
                copy.forged,
            ),
        )
        return int(cursor.lastrowid or 0)


_FIRST_PAYMENT_OPEN_S = 23 * 3600


def _due(body: JsonObject) -> int | None:
    """When time alone will change this object."""
    if body["object"] == "timer":
        return int(body["at"])
    if body["object"] == "invoice" and body["status"] == "open" and body["next_payment_attempt"] is not None:
        return int(body["next_payment_attempt"])
    if body["object"] == "subscription_schedule" and body["status"] == "active":
        return int(body["current_phase"]["end_date"])
    if body["object"] == "subscription" and body["status"] == "incomplete":
        return int(body["created"]) + _FIRST_PAYMENT_OPEN_S
    if body["object"] == "checkout.session" and body["status"] == "open":
        return int(body["expires_at"])
    if body["object"] == "subscription" and body["status"] in LIVE_STATUSES:
        ends = [item["current_period_end"] for item in body["items"]["data"]]
        if body["cancel_at"] is not None:
            ends.append(body["cancel_at"])
        return int(min(ends))
    return None
