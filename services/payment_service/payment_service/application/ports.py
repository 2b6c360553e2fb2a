"""What the use cases need from the world, each port named for its role."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol
from uuid import UUID

from payment_service.application.access_ports import (
    Accesses,
    Dunning,
    Erasures,
    Grants,
    Overrides,
    Plans,
    PriceReading,
    Standings,
)
from payment_service.application.sync_ports import (
    CustomerReading,
    Kept,
    Reversals,
    Runs,
    Syncs,
    Webhooks,
)
from payment_service.domain.checkout import Checkout, CheckoutOrder, HostedCheckout
from payment_service.domain.events import Fact
from payment_service.domain.ids import CustomerId, UserId
from payment_service.domain.invoice import Invoice, InvoiceStatus
from payment_service.domain.reversal import ReversalKind
from payment_service.domain.subscription import ProviderStatus, Subscription

Clock = Callable[[], datetime]
NewId = Callable[[], UUID]


@dataclass(frozen=True, slots=True)
class Customer:
    """A person as the payment provider knows them; a `generation` follows one that was deleted there."""

    user_id: UserId
    id: CustomerId
    created_at: datetime
    generation: int = 1
    deleted_at: datetime | None = None


class PaymentGateway(Protocol):
    """The payment provider. Every method may raise ProviderUnavailable or ProviderRefused.

    What creates something takes a name for it: asked again under that name, the provider answers the same thing.
    """

    async def create_customer(self, user_id: UserId, generation: int = 1) -> CustomerId:
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
        """Read everything about a customer, all pages; one that was deleted is a reading too."""
        ...

    async def customer_of(self, kind: ReversalKind, provider_id: str) -> CustomerId | None:
        """Return whose refund or dispute this is, None where it is nobody's."""
        ...

    async def owner_of(self, customer_id: CustomerId) -> UserId | None:
        """Return for whom we created a customer, None for one that we did not create."""
        ...

    async def is_deleted(self, customer_id: CustomerId) -> bool:
        """Tell whether a customer exists no more."""
        ...

    async def answers(self) -> bool:
        """Tell, within a few seconds, whether the provider answers at all. Raises nothing."""
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

    async def promised(self, attempt: Attempt) -> StoredAnswer | None:
        """Return what a call under this key was to be answered whose effect was never learned."""
        ...

    async def promise(self, attempt: Attempt, answer: StoredAnswer) -> None:
        """Note what a claimed key is to be answered when what is asked for now comes about."""
        ...

    async def leave(self, attempt: Attempt, now: datetime) -> None:
        """Let the next call take the key over, and what was promised with it."""
        ...


class Customers(Protocol):
    """Which customer a person is."""

    async def of(self, user_id: UserId) -> Customer | None:
        """Return the customer of a person."""
        ...

    async def owner(self, customer_id: CustomerId) -> UserId | None:
        """Return whose customer this is now."""
        ...

    async def is_former(self, customer_id: CustomerId) -> bool:
        """Tell whether this was somebody's, was deleted, and has a successor."""
        ...

    async def add_first(self, customer: Customer) -> Customer:
        """Keep the customer unless the person has one that is not deleted; return the one that stands."""
        ...

    async def delete(self, customer_id: CustomerId, now: datetime) -> None:
        """Note that the provider has deleted it; the next purchase makes another."""
        ...


@dataclass(frozen=True, slots=True)
class SubscriptionSearch:
    """Which subscriptions a page shows."""

    status: ProviderStatus | None = None
    plan_code: str | None = None


@dataclass(frozen=True, slots=True)
class InvoiceSearch:
    """Which invoices a page shows: those created at `since` or later."""

    status: InvoiceStatus | None = None
    since: datetime | None = None


class Subscriptions(Kept, Protocol):
    """Everybody's subscriptions."""

    async def search(
        self, wanted: SubscriptionSearch, limit: int, before: tuple[datetime, UUID] | None
    ) -> list[Subscription]:
        """Return anybody's, youngest first, behind a position."""
        ...

    async def of(self, user_id: UserId) -> list[Subscription]:
        """Return all of a person's."""
        ...

    async def put_all(self, subscriptions: Sequence[Subscription]) -> None:
        """Keep these, new or changed; they are all of one person."""
        ...


class Invoices(Protocol):
    """Everybody's invoices."""

    async def search(self, wanted: InvoiceSearch, limit: int, before: tuple[datetime, UUID] | None) -> list[Invoice]:
        """Return anybody's, youngest first, behind a position."""
        ...

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
    dunning: Dunning
    erasures: Erasures
    standings: Standings
    syncs: Syncs
    reversals: Reversals
    webhooks: Webhooks
    runs: Runs
    outbox: Outbox

    async def lock_user(self, user_id: UserId) -> None:
        """Let nobody else change this person's billing until the transaction ends."""
        ...

    async def commit(self) -> None:
        """Make everything done in this work durable, at once."""
        ...


StartWork = Callable[[], AbstractAsyncContextManager[Work]]


Probe = Callable[[], Awaitable[None]]
