"""What webhooks, customer syncs and the reconciliation need from the world."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, Literal, Protocol, TypeVar
from uuid import UUID

from payment_service.domain.access import Cause
from payment_service.domain.drift import Drift
from payment_service.domain.ids import CustomerId, UserId
from payment_service.domain.invoice import InvoiceReading
from payment_service.domain.reversal import Reversal, ReversalKind, ReversalReading
from payment_service.domain.subscription import Subscription, SubscriptionReading

MOST_ATTEMPTS = 12
"""So often a sync is tried before it is given up."""
Reading_co = TypeVar("Reading_co", covariant=True)


@dataclass(frozen=True, slots=True)
class CustomerReading:
    """Everything that the provider says of a customer now. `owner`: the person whom we named when we created it."""

    subscriptions: Sequence[SubscriptionReading]
    invoices: Sequence[InvoiceReading]
    reversals: Sequence[ReversalReading] = ()
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Owned(Generic[Reading_co]):
    """Something of a customer's, as it stands in one of the provider's lists."""

    customer_id: CustomerId
    created_at: datetime
    reading: Reading_co


Pages = AsyncIterator[Sequence[Owned[Reading_co]]]


class Ledger(Protocol):
    """The provider's lists over all customers, youngest first, a page at a time.

    Every method may raise ProviderUnavailable or ProviderRefused.
    """

    def subscription_pages(self) -> Pages[SubscriptionReading]:
        """Go through all subscriptions, ended ones too."""
        ...

    def invoice_pages(self, since: datetime) -> Pages[InvoiceReading]:
        """Go through the invoices that were created since."""
        ...

    def reversal_pages(self, kind: ReversalKind) -> Pages[ReversalReading]:
        """Go through all refunds or disputes; the invoice is not told."""
        ...


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """A verified webhook. All that is taken from its content is whom it is about.

    `sync_key`: the customer, or the object that has to be looked up to learn which (`lookup` says what it is).
    `reason`: why nothing follows (`is_ignored`), or what is unusual about it.
    """

    id: str
    type: str
    api_version: str | None
    livemode: bool
    object_id: str | None
    sync_key: str | None
    created_at: datetime
    payload: bytes
    sha256: bytes
    lookup: ReversalKind | None = None
    is_ignored: bool = False
    reason: str | None = None


class WebhookInbox(Protocol):
    """Where webhooks are stored once, together with the request to sync their customer."""

    async def put(self, event: ReceivedEvent, now: datetime) -> None:
        """Store an event, or count its redelivery; durable on return. Raises EventMalformed for what cannot be kept."""
        ...


VerifySignature = Callable[[bytes, str], None]
"""Raises BadSignature unless the provider signed these bytes under this header, and lately."""
CountWebhook = Callable[[str, str], None]
"""Takes note of a webhook: what became of it, and why."""
WebhookState = Literal["received", "processing", "processed", "ignored", "failed", "dead"]


@dataclass(frozen=True, slots=True)
class KeptWebhook:
    """A webhook as an admin sees it: never its payload."""

    event_id: str
    type: str
    api_version: str | None
    livemode: bool
    object_id: str | None
    customer_id: str | None
    state: WebhookState
    reason: str | None
    last_error: str | None
    attempts: int
    deliveries: int
    received_at: datetime
    processed_at: datetime | None
    replayed_by: UUID | None


@dataclass(frozen=True, slots=True)
class InboxSearch:
    """Which webhooks a page shows."""

    state: WebhookState | None = None
    customer_id: str | None = None


class Webhooks(Protocol):
    """The inbox as an admin looks at it."""

    async def page(self, wanted: InboxSearch, limit: int, before: tuple[datetime, str] | None) -> list[KeptWebhook]:
        """Return webhooks, youngest first, behind a position."""
        ...

    async def replay(self, event_ids: Sequence[str], actor: UUID, now: datetime) -> list[str]:
        """Take these in anew, in any state, and ask for their syncs; return those that exist."""
        ...

    async def in_state(self, state: WebhookState, limit: int) -> list[str]:
        """Return the ids of the oldest in a state."""
        ...


@dataclass(frozen=True, slots=True)
class ClaimedSync:
    """A customer to bring up to date, claimed until the lease ends. `target`: how many requests this run answers.

    With a `lookup`, `customer_id` is the object of that kind whose customer has to be found first.
    """

    customer_id: CustomerId
    fence: int
    target: int
    attempts: int
    cause: Cause
    open_checkout: str | None
    lookup: ReversalKind | None = None


class Syncs(Protocol):
    """The queue of customers to bring up to date; requests for one customer coalesce."""

    async def claim(self, now: datetime, lease: timedelta) -> ClaimedSync | None:
        """Take the next customer that is due and that nobody holds; its new webhooks are being processed."""
        ...

    async def hold(self, sync: ClaimedSync) -> bool:
        """Lock the claim for this transaction; False when somebody else has taken it over."""
        ...

    async def renew(self, sync: ClaimedSync, lease_until: datetime) -> bool:
        """Let the claim stand until then; False when it has ended, or somebody else has taken it over."""
        ...

    async def finish(self, sync: ClaimedSync, now: datetime) -> None:
        """Note that requests up to the target are answered, their webhooks processed; later ones wait from now on."""
        ...

    async def fail(self, sync: ClaimedSync, reason: str, retry_at: datetime) -> None:
        """Note why it did not work, and when to try again; one try is always left."""
        ...

    async def wake(self, reason: str, now: datetime) -> int:
        """Let all who were put off or given up for this reason be tried at once, as if for the first time."""
        ...

    async def bury(self, sync: ClaimedSync, reason: str) -> list[tuple[str, str]]:
        """Give up until somebody asks anew; return the id and type of the events that die with it."""
        ...

    async def hand_over(self, sync: ClaimedSync, customer_id: CustomerId | None, now: datetime) -> None:
        """Let a found customer, who has been asked for, answer its webhooks; without one they are ignored."""
        ...

    async def ask(self, customer_ids: Sequence[CustomerId], cause: Cause, now: datetime) -> int:
        """Ask for syncs of all of these; return how many they are."""
        ...

    async def request(self, customer_ids: Sequence[CustomerId], cause: Cause, now: datetime) -> int:
        """Ask for syncs, but for customers whose sync waits already; return how many were asked for."""
        ...

    async def waiting(self, cause: Cause) -> int:
        """Return how many syncs of this cause have not been tried yet."""
        ...

    async def pending(self, now: datetime, after: CustomerId | None, limit: int) -> list[CustomerId]:
        """Return customers who wait for something that a lost webhook may have told, by name behind `after`."""
        ...


class Reversals(Protocol):
    """Everybody's refunds and disputes."""

    async def of(self, user_id: UserId) -> list[Reversal]:
        """Return all of a person's."""
        ...

    async def named(self, provider_ids: Sequence[str]) -> list[Reversal]:
        """Return those that are kept under these names."""
        ...

    async def put_all(self, reversals: Sequence[Reversal]) -> None:
        """Keep these, new or changed."""
        ...


RunScope = Literal["pending", "all", "user"]


@dataclass(frozen=True, slots=True)
class Run:
    """One comparison with the provider. `fence` tells its present runner from an earlier one."""

    id: UUID
    scope: RunScope
    started_at: datetime
    user_id: UserId | None = None
    requested_by: UUID | None = None
    finished_at: datetime | None = None
    fence: int = 0
    checked: int = 0
    drifted: int = 0
    healed: int = 0
    details: Sequence[dict[str, object]] = field(default=())


class Runs(Protocol):
    """Runs of the reconciliation: the row is the queue, and the report."""

    async def get(self, run_id: UUID) -> Run | None:
        """Return one."""
        ...

    async def add(self, run: Run) -> None:
        """Ask for a run."""
        ...

    async def add_if_due(self, run: Run, every: timedelta) -> bool:
        """Ask for a run unless one of its scope was begun within `every`; two who ask at once make one."""
        ...

    async def claim(self, now: datetime, lease: timedelta, run_id: UUID | None = None) -> Run | None:
        """Take the oldest run that is not finished and that nobody holds, or this very one."""
        ...

    async def advance(self, run: Run, checked: int, lease_until: datetime) -> bool:
        """Count what was compared and keep the run; False when somebody else has taken it over."""
        ...

    async def finish(self, run: Run, now: datetime) -> None:
        """Note that everything was compared; what was found heals by itself."""
        ...

    async def found(self, run_id: UUID, who: str, drifts: Sequence[Drift], *, healed: bool) -> None:
        """Write what differed into the report."""
        ...


class Kept(Protocol):
    """What the comparison asks of our subscriptions."""

    async def named(self, provider_ids: Sequence[str]) -> list[Subscription]:
        """Return those that are kept under these names."""
        ...

    async def live_between(self, low: datetime | None, high: datetime) -> list[tuple[str, CustomerId]]:
        """Return name and customer of those that live and were created after `low`, up to `high`."""
        ...
