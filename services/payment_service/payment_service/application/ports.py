"""What the use cases need from the world, each port named for its role."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol
from uuid import UUID

from payment_service.application.access_ports import Accesses, Grants, Overrides, Plans, PriceReading
from payment_service.domain.access import Cause
from payment_service.domain.checkout import Checkout, CheckoutOrder, HostedCheckout
from payment_service.domain.events import Fact
from payment_service.domain.ids import CustomerId, UserId
from payment_service.domain.invoice import Invoice, InvoiceReading
from payment_service.domain.subscription import Subscription, SubscriptionReading

Clock = Callable[[], datetime]
NewId = Callable[[], UUID]


@dataclass(frozen=True, slots=True)
class Customer:
    """A person as the payment provider knows them."""

    user_id: UserId
    id: CustomerId
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CustomerReading:
    """Everything the provider says of a customer: all subscriptions, the recent invoices."""

    subscriptions: Sequence[SubscriptionReading]
    invoices: Sequence[InvoiceReading]


class PaymentGateway(Protocol):
    """The payment provider. Every method may raise ProviderUnavailable or ProviderRefused.

    What creates something takes a name for it: asked again under that name, the provider answers the same thing.
    """

    async def create_customer(self, user_id: UserId) -> CustomerId:
        """Create the customer of a person."""
        ...

    async def open_checkout(self, order: CheckoutOrder) -> HostedCheckout:
        """Create the payment page for an order."""
        ...

    async def checkout_state(self, provider_id: str) -> Literal["open", "complete", "expired"]:
        """Tell how far a payment page has come."""
        ...

    async def open_portal(self, customer_id: CustomerId, return_path: str, name: str) -> str:
        """Create the page where a customer manages cards and bills, and return its address."""
        ...

    async def read_customer(self, customer_id: CustomerId) -> CustomerReading:
        """Read everything about a customer, all pages."""
        ...

    async def prices(self, lookup_keys: Sequence[str]) -> Sequence[PriceReading]:
        """Return those prices that are sold under these names."""
        ...


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What the first call with an idempotency key was answered."""

    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call that may be repeated: who, what, under which key, with which content."""

    user_id: UserId
    route: str
    key: str
    digest: bytes


class Attempts(Protocol):
    """Idempotency keys. The refusals of a reused or a busy key are the library's own."""

    async def claim(self, attempt: Attempt, now: datetime, lock_for: timedelta) -> StoredAnswer | None:
        """Take the key, or return the answer it has."""
        ...

    async def complete(self, attempt: Attempt, answer: StoredAnswer, resource_id: UUID | None) -> None:
        """Keep the answer under the key."""
        ...

    async def release(self, attempt: Attempt) -> None:
        """Give the key back: the call had no effect worth keeping."""
        ...


class Customers(Protocol):
    """Which customer a person is."""

    async def of(self, user_id: UserId) -> Customer | None:
        """Return the customer of a person."""
        ...

    async def owner(self, customer_id: CustomerId) -> UserId | None:
        """Return whose customer this is."""
        ...

    async def add_first(self, customer: Customer) -> Customer:
        """Keep the customer unless the person has one; return the one that stands."""
        ...


class Subscriptions(Protocol):
    """Everybody's subscriptions."""

    async def of(self, user_id: UserId) -> list[Subscription]:
        """Return all of a person's."""
        ...

    async def put_all(self, subscriptions: Sequence[Subscription]) -> None:
        """Keep these, new or changed; they are all of one person."""
        ...


class Invoices(Protocol):
    """Everybody's invoices."""

    async def page(self, user_id: UserId, limit: int, before: tuple[datetime, UUID] | None) -> list[Invoice]:
        """Return a person's, youngest first, behind a position."""
        ...

    async def named(self, provider_ids: Sequence[str]) -> list[Invoice]:
        """Return those that are kept under these names."""
        ...

    async def put_all(self, invoices: Sequence[Invoice]) -> None:
        """Keep these, new or changed."""
        ...


class Checkouts(Protocol):
    """Checkout sessions; at most one of a person is creating or open."""

    async def get(self, checkout_id: UUID) -> Checkout | None:
        """Return one."""
        ...

    async def unfinished(self, user_id: UserId) -> Checkout | None:
        """Return the one that is creating or open."""
        ...

    async def put(self, checkout: Checkout) -> None:
        """Keep it, new or changed."""
        ...


@dataclass(frozen=True, slots=True)
class ClaimedSync:
    """A customer to bring up to date, claimed until the lease ends. `target`: how many requests this run answers."""

    customer_id: CustomerId
    fence: int
    target: int
    attempts: int
    cause: Cause
    open_checkout: str | None


class Syncs(Protocol):
    """The queue of customers to bring up to date; requests for one customer coalesce."""

    async def claim(self, now: datetime, lease: timedelta) -> ClaimedSync | None:
        """Take the next customer that is due and that nobody holds; its new webhooks are being processed."""
        ...

    async def hold(self, sync: ClaimedSync) -> bool:
        """Lock the claim for this transaction; False when somebody else has taken it over."""
        ...

    async def finish(self, sync: ClaimedSync, now: datetime) -> None:
        """Note that requests up to the target are answered, and their webhooks processed."""
        ...

    async def fail(self, sync: ClaimedSync, reason: str, retry_at: datetime) -> None:
        """Note why it did not work, and when to try again."""
        ...

    async def bury(self, sync: ClaimedSync, reason: str) -> list[tuple[str, str]]:
        """Give up until somebody asks anew; return the id and type of the events that die with it."""
        ...


class Outbox(Protocol):
    """Facts that go out with the transaction."""

    async def add(self, *facts: Fact) -> None:
        """Write facts; the aggregate they tell of is locked already."""
        ...


class Work(Protocol):
    """One transaction over everything this service keeps; rolled back unless committed."""

    attempts: Attempts
    plans: Plans
    customers: Customers
    subscriptions: Subscriptions
    invoices: Invoices
    checkouts: Checkouts
    accesses: Accesses
    overrides: Overrides
    grants: Grants
    syncs: Syncs
    outbox: Outbox

    async def lock_user(self, user_id: UserId) -> None:
        """Let nobody else change this person's billing until the transaction ends."""
        ...

    async def commit(self) -> None:
        """Make everything done in this work durable, at once."""
        ...


StartWork = Callable[[], AbstractAsyncContextManager[Work]]


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """A verified webhook. `customer_id` is all that is taken from its content; `ignored` says why nothing follows."""

    id: str
    type: str
    api_version: str | None
    livemode: bool
    object_id: str | None
    customer_id: str | None
    created_at: datetime
    payload: bytes
    sha256: bytes
    ignored: str | None = None


class WebhookInbox(Protocol):
    """Where webhooks are stored once, together with the request to sync their customer."""

    async def put(self, event: ReceivedEvent, now: datetime) -> None:
        """Store an event, or count its redelivery; durable on return. Raises EventMalformed for what cannot be kept."""
        ...


VerifySignature = Callable[[bytes, str], None]
"""Raises BadSignature unless the provider signed these bytes under this header, and lately."""
Probe = Callable[[], Awaitable[None]]
