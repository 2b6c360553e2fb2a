"""A Stripe that lives in memory."""

import hashlib
import hmac
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar, cast

import orjson

from payment_service.application.access_ports import PriceReading
from payment_service.application.sync_ports import CustomerReading, Owned, Pages
from payment_service.domain.checkout import CheckoutOrder, HostedCheckout
from payment_service.domain.errors import CodeInvalid, ProviderRefused, ProviderUnavailable
from payment_service.domain.ids import CustomerId, UserId
from payment_service.domain.invoice import InvoiceReading
from payment_service.domain.plans import Interval
from payment_service.domain.promotions import Promotion
from payment_service.domain.reversal import ReversalKind, ReversalReading
from payment_service.domain.subscription import ProviderStatus, SubscriptionReading, Terms

SECRET = "whsec_tests"
MONTH = timedelta(days=30)
Read = TypeVar("Read")
open_works: ContextVar[int] = ContextVar("open_works", default=0)


@dataclass(slots=True)
class Event:
    """A webhook on its way."""

    body: bytes

    @property
    def id(self) -> str:
        return str(orjson.loads(self.body)["id"])


def signature(body: bytes, at: datetime, secret: str = SECRET) -> str:
    """Sign as Stripe does."""
    seconds = int(at.timestamp())
    mac = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={mac}"


@dataclass(slots=True)
class FakeStripe:
    """Keeps customers, sessions, subscriptions and invoices; `events` are those that nobody has taken yet.

    It refuses to be called while the caller holds a transaction open. A fault comes after the deed, as a lost answer
    does; only a refusal means that nothing was done.
    """

    now: Callable[[], datetime]
    customers: dict[str, CustomerId] = field(default_factory=dict)
    sessions: dict[str, tuple[CheckoutOrder, str]] = field(default_factory=dict)
    subscriptions: dict[str, list[SubscriptionReading]] = field(default_factory=dict)
    invoices: dict[str, list[InvoiceReading]] = field(default_factory=dict)
    reversals: dict[str, list[ReversalReading]] = field(default_factory=dict)
    owners: dict[str, UserId] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    page: int = 2
    events: list[Event] = field(default_factory=list)
    faults: list[type[ProviderUnavailable] | ProviderRefused] = field(default_factory=list)
    calls: int = 0
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    before_answer: Callable[[], Any] | None = None
    codes: list[Promotion] = field(default_factory=list)

    async def create_customer(self, user_id: UserId, generation: int = 1) -> CustomerId:
        name = f"customer:{user_id}:{generation}"
        created = self.customers.setdefault(name, CustomerId(f"cus_{len(self.customers) + 1}"))
        self.owners[created] = user_id
        await self._called()
        return created

    async def open_checkout(self, order: CheckoutOrder) -> HostedCheckout:
        name = f"cs_{order.id}"
        if order.customer_id in self.deleted:
            await self._called()
            raise ProviderRefused("resource_missing")
        if order.promo_code and not await self.promotions(order.promo_code):
            raise CodeInvalid
        if not any(isinstance(fault, ProviderRefused) for fault in self.faults):
            self.sessions.setdefault(name, (order, "open"))
        await self._called()
        return HostedCheckout(name, f"https://pay.test/{name}", self.now() + timedelta(hours=24))

    async def promotions(self, code: str) -> Sequence[Promotion]:
        await self._called()
        return [each for each in self.codes if each.code.lower() == code.lower() and each.is_active]

    async def checkout_state(self, provider_id: str) -> Literal["open", "complete", "expired"]:
        await self._called()
        if provider_id not in self.sessions:
            raise ProviderRefused("resource_missing")
        return cast('Literal["open", "complete", "expired"]', self.sessions[provider_id][1])

    async def open_portal(self, customer_id: CustomerId, return_path: str, name: str) -> str:
        await self._called()
        return f"https://portal.test/{customer_id}?back={return_path}&name={name}"

    async def read_customer(self, customer_id: CustomerId) -> CustomerReading:
        reading = CustomerReading(
            list(self.subscriptions.get(customer_id, [])),
            list(self.invoices.get(customer_id, [])),
            list(self.reversals.get(customer_id, [])),
            is_deleted=customer_id in self.deleted,
        )
        await self._called()
        return reading

    async def customer_of(self, kind: ReversalKind, provider_id: str) -> CustomerId | None:
        await self._called()
        found = (
            CustomerId(customer) for customer, theirs in self.reversals.items() for each in theirs
            if (each.kind, each.provider_id) == (kind, provider_id)
        )  # fmt: skip
        return next(found, None)

    async def owner_of(self, customer_id: CustomerId) -> UserId | None:
        await self._called()
        return self.owners.get(customer_id)

    async def is_deleted(self, customer_id: CustomerId) -> bool:
        await self._called()
        return customer_id in self.deleted

    async def subscription_pages(self) -> Pages[SubscriptionReading]:
        async for page in self._paged(self.subscriptions, lambda each: each.terms.created_at):
            yield page

    async def invoice_pages(self, since: datetime) -> Pages[InvoiceReading]:
        async for page in self._paged(self.invoices, lambda each: each.created_at):
            yield [each for each in page if each.created_at >= since]

    async def reversal_pages(self, kind: ReversalKind) -> Pages[ReversalReading]:
        async for page in self._paged(self.reversals, lambda each: each.created_at):
            yield [each for each in page if each.reading.kind == kind]

    async def _paged(
        self, kept: Mapping[str, list[Read]], created_at: Callable[[Read], datetime]
    ) -> AsyncIterator[list[Owned[Read]]]:
        every = [Owned(CustomerId(name), created_at(each), each) for name, theirs in kept.items() for each in theirs]
        ordered = sorted(every, key=lambda each: each.created_at, reverse=True)
        for start in range(0, len(ordered), self.page):
            await self._called()
            yield ordered[start : start + self.page]

    async def answers(self) -> bool:
        try:
            await self._called()
        except ProviderUnavailable:
            return False
        return True

    async def prices(self, lookup_keys: Sequence[str]) -> Sequence[PriceReading]:
        await self._called()
        amounts = {"pro": 999, "max": 1999}
        return [
            PriceReading(f"price_{key}", key, "usd", amounts[code], cast("Interval", interval))
            for key in lookup_keys
            for code, interval in [key.rsplit("_", 1)]
            if interval == "month"
        ]

    async def _called(self) -> None:
        assert open_works.get() == 0, "the network was called inside a transaction"
        self.calls += 1
        if self.before_answer:
            hook, self.before_answer = self.before_answer, None
            await hook()
        if self.faults:
            raise self.faults.pop(0)

    def pay(self, session_name: str) -> None:
        """Complete a session: subscription and invoice exist from now on."""
        order, _ = self.sessions[session_name]
        self.sessions[session_name] = (order, "complete")
        now = self.now()
        name = f"sub_{sum(map(len, self.subscriptions.values())) + 1}"
        trial_end = now + timedelta(days=order.trial_days) if order.trial_days else None
        amount, status = (0, ProviderStatus.TRIALING) if trial_end else (999, ProviderStatus.ACTIVE)
        invoice = InvoiceReading(
            f"in_{name}_1", "paid", "usd", amount, amount, now, name, "A-1", 1, finalized_at=now, paid_at=now
        )
        last: Any = {"latest_invoice_id": invoice.provider_id, "interval": "month"}
        terms = Terms(name, status, now, now, trial_end or now + MONTH, trial_end=trial_end, **last)
        self.subscriptions.setdefault(order.customer_id, []).append(SubscriptionReading(terms, order.price_id))
        self.invoices.setdefault(order.customer_id, []).append(invoice)
        for kind in ("checkout.session.completed", "customer.subscription.created", "invoice.paid"):
            self.tell(kind, order.customer_id)

    def change(self, customer_id: str, kind: str = "customer.subscription.updated", **terms: Any) -> None:
        """Change the customer's youngest subscription and tell of it."""
        latest = self.subscriptions[customer_id][-1]
        self.subscriptions[customer_id][-1] = replace(latest, terms=replace(latest.terms, **terms))
        self.tell(kind, customer_id)

    def fail_payment(self, customer_id: str) -> None:
        """Let the renewal fail: a new period, an open invoice, past due."""
        terms, now = self.subscriptions[customer_id][-1].terms, self.now()
        number = len(self.invoices[customer_id]) + 1
        invoice = InvoiceReading(
            f"in_{terms.provider_id}_{number}", "open", "usd", 999, 0, now, terms.provider_id, f"A-{number}", 1,
            next_attempt_at=now + timedelta(days=3), finalized_at=now,
        )  # fmt: skip
        self.invoices[customer_id].append(invoice)
        self.change(
            customer_id,
            status=ProviderStatus.PAST_DUE,
            period_start=terms.period_end,
            period_end=now + MONTH,
            latest_invoice_id=invoice.provider_id,
        )
        self.tell("invoice.payment_failed", customer_id)

    def take_back(self, customer_id: str, kind: ReversalKind, status: str, amount: int = 999, **fields: Any) -> str:
        """Refund the latest invoice, or let it be disputed, and tell of it as Stripe does: without a customer."""
        invoice = self.invoices[customer_id][-1]
        name = f"{'re' if kind == 'refund' else 'dp'}_{len(self.reversals.get(customer_id, [])) + 1}_{customer_id}"
        reading = ReversalReading(
            name, kind, f"ch_{invoice.provider_id}", status, amount, invoice.amount_paid, "usd", self.now(),
            invoice.provider_id, **fields,
        )  # fmt: skip
        self.reversals.setdefault(customer_id, []).append(reading)
        self.tell_of(reading)
        return name

    def decide(self, customer_id: str, name: str, status: str) -> None:
        """Let a refund or a dispute end, and tell of it."""
        theirs = self.reversals[customer_id]
        [place] = [number for number, each in enumerate(theirs) if each.provider_id == name]
        theirs[place] = replace(theirs[place], status=status)
        self.tell_of(theirs[place])

    def tell_of(self, reading: ReversalReading) -> Event:
        kind = "charge.dispute.updated" if reading.kind == "dispute" else "refund.updated"
        return self.tell(kind, None, data={"object": {"id": reading.provider_id, "object": reading.kind}})

    def delete(self, customer_id: str) -> None:
        """Delete a customer, with what was theirs, and tell of it."""
        self.deleted.add(customer_id)
        self.subscriptions.pop(customer_id, None)
        data = {"object": {"id": customer_id, "object": "customer"}}
        self.tell("customer.deleted", None, data=data)

    def recover(self, customer_id: str) -> None:
        """Let the open invoice be paid after all."""
        self.invoices[customer_id][-1] = replace(
            self.invoices[customer_id][-1], status="paid", amount_paid=999, attempt_count=2, paid_at=self.now()
        )
        self.change(customer_id, status=ProviderStatus.ACTIVE)
        self.tell("invoice.paid", customer_id)

    def tell(self, kind: str, customer_id: str | None, **fields: Any) -> Event:
        """Put an event about a customer on its way."""
        document = {
            "id": f"evt_{next(self.numbers)}",
            "object": "event",
            "type": kind,
            "api_version": "2026-10-28.endive",
            "livemode": False,
            "created": int(self.now().timestamp()),
            "data": {"object": {"id": f"obj_{len(self.events)}", "customer": customer_id}},
            **fields,
        }
        event = Event(orjson.dumps(document))
        self.events.append(event)
        return event
