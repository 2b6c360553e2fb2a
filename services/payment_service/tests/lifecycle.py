"""One customer's long life at the Stripe stand-in, recorded: what happened step by step, and what Stripe said then."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from payment_service.application.sync_ports import CustomerReading
from payment_service.domain.ids import CustomerId, UserId
from payment_service.infrastructure.stripe_gateway import StripeGateway
from sandbox.stripe.testing import Stand
from services.payment_service.tests.worlds import Event

DAY = 24 * 3600
VISA, FAILING = "pm_card_visa", "pm_card_chargeCustomerFail"


@dataclass(frozen=True, slots=True)
class Frame:
    """One step: its name, the account's time after it, what a reading then says, the events that it caused."""

    name: str
    now: datetime
    reading: CustomerReading
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Life:
    """A whole recording."""

    user_id: UserId
    customer_id: CustomerId
    frames: tuple[Frame, ...]

    @property
    def events(self) -> list[Event]:
        return [event for frame in self.frames for event in frame.events]


class Liver:
    """Does to the customer what people, time and banks do."""

    def __init__(self, stand: Stand, gateway: StripeGateway, customer_id: CustomerId) -> None:
        self.stand, self.v1, self.customer_id = stand, gateway.calls.client.v1, customer_id
        listed = self.v1.prices.list({"lookup_keys": ["pro_month", "max_month"]}).data
        self.prices = {str(price.lookup_key): price.id for price in listed}

    def card(self, token: str) -> None:
        method = self.v1.payment_methods.attach(token, {"customer": self.customer_id})
        self.v1.customers.update(self.customer_id, {"invoice_settings": {"default_payment_method": method.id}})

    def subscribe(self, plan: str, trial_days: int = 0) -> None:
        wanted: Any = {"customer": self.customer_id, "items": [{"price": self.prices[plan]}]}
        self.v1.subscriptions.create(wanted | ({"trial_period_days": trial_days} if trial_days else {}))

    def change(self, plan: str, behavior: str) -> None:
        body = self.latest("subscription")
        items = [{"id": body["items"]["data"][0]["id"], "price": self.prices[plan]}]
        self.update(items=items, proration_behavior=behavior)

    def update(self, **fields: Any) -> None:
        wanted: Any = fields
        self.v1.subscriptions.update(self.latest("subscription")["id"], wanted)

    def cancel(self) -> None:
        self.v1.subscriptions.cancel(self.latest("subscription")["id"])

    def pass_days(self, days: int) -> None:
        self.stand.advance(days * DAY)

    def pay_what_is_owed(self) -> None:
        owed = self.v1.invoices.list({"customer": self.customer_id, "status": "open"}).data
        for invoice in owed:
            self.v1.invoices.pay(invoice.id or "")

    def refund(self, amount: int | None = None) -> None:
        charge: Any = {"charge": self.latest("charge")["id"]}
        self.v1.refunds.create(charge | ({"amount": amount} if amount else {}))

    def dispute(self, outcome: str | None) -> None:
        opened = self.stand.post("/_sandbox/disputes", {"charge": self.latest("charge")["id"]}).raise_for_status()
        if outcome:
            path = f"/_sandbox/disputes/{opened.json()['id']}/close"
            self.stand.post(path, {"outcome": outcome}).raise_for_status()

    def latest(self, what: str) -> dict[str, Any]:
        if what == "charge":
            charges = self.v1.charges.list({"customer": self.customer_id, "limit": 100}).data
            return next(each.to_dict() for each in charges if each.paid and not each.disputed and not each.refunded)
        subscriptions = self.v1.subscriptions.list({"customer": self.customer_id, "status": "all", "limit": 1})
        return subscriptions.data[0].to_dict()


def steps(life: Liver) -> list[tuple[str, Callable[[], object]]]:
    return [
        ("a card", lambda: life.card(VISA)),
        ("create with a trial", lambda: life.subscribe("pro_month", 7)),
        ("pay", lambda: life.pass_days(8)),
        ("upgrade", lambda: life.change("max_month", "always_invoice")),
        ("renew", lambda: life.pass_days(31)),
        ("downgrade", lambda: life.change("pro_month", "none")),
        ("a failing card", lambda: life.card(FAILING)),
        ("fail", lambda: life.pass_days(31)),
        ("fail again", lambda: life.pass_days(3)),
        ("a good card", lambda: life.card(VISA)),
        ("recover", life.pay_what_is_owed),
        ("cancel at period end", lambda: life.update(cancel_at_period_end=True)),
        ("resume", lambda: life.update(cancel_at_period_end=False)),
        ("renew", lambda: life.pass_days(31)),
        ("cancel", life.cancel),
        ("return", lambda: life.subscribe("pro_month")),
        ("refund in part", lambda: life.refund(300)),
        ("renew", lambda: life.pass_days(31)),
        ("refund", life.refund),
        ("cancel at period end", lambda: life.update(cancel_at_period_end=True)),
        ("end", lambda: life.pass_days(32)),
        ("return", lambda: life.subscribe("max_month")),
        ("dispute, won", lambda: life.dispute("won")),
        *(("renew", lambda: life.pass_days(31)) for _ in range(4)),
        ("dispute, lost", lambda: life.dispute("lost")),
        ("renew", lambda: life.pass_days(31)),
        *(("renew", lambda: life.pass_days(31)) for _ in range(5)),
        ("dispute", lambda: life.dispute(None)),
        ("downgrade", lambda: life.change("pro_month", "create_prorations")),
    ]


async def live(stand: Stand, gateway: StripeGateway, user_id: UserId) -> Life:
    """Lead the life and record it."""
    customer_id = await gateway.create_customer(user_id)
    liver, frames, known = Liver(stand, gateway, customer_id), list[Frame](), set[str]()
    for name, step in steps(liver):
        step()
        listed = liver.v1.events.list({"limit": 50}).auto_paging_iter()
        bodies: list[dict[str, Any]] = []
        for each in listed:
            if each.id in known:
                break
            bodies.append(each.to_dict())
        fresh = [Event(orjson.dumps(body, default=str)) for body in reversed(bodies)]
        known |= {body["id"] for body in bodies}
        now = datetime.fromtimestamp(stand.now(), UTC)
        frames.append(Frame(name, now, await gateway.read_customer(customer_id), tuple(fresh)))
    return Life(user_id, customer_id, tuple(frames))
