"""What the store in memory holds: the state of every table."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from payment_service.application.access_ports import Recompute, Standing
from payment_service.application.ports import Customer, StoredAnswer
from payment_service.application.sync_ports import ReceivedEvent, Run, WebhookState
from payment_service.domain.access import AccessVersion, Cause
from payment_service.domain.checkout import Checkout
from payment_service.domain.events import Fact
from payment_service.domain.grants import Grant
from payment_service.domain.ids import UserId
from payment_service.domain.invoice import Invoice
from payment_service.domain.overrides import Override
from payment_service.domain.plan_changes import PastEntitlement
from payment_service.domain.plans import Catalogue
from payment_service.domain.reversal import Reversal, ReversalKind
from payment_service.domain.subscription import Subscription
from services.payment_service.tests.shipped import shipped_catalogue


@dataclass(slots=True)
class Sync:
    """A queue row."""

    due_at: datetime
    cause: Cause
    requests: int = 1
    answered: int = 0
    attempts: int = 0
    is_dead: bool = False
    fence: int = 0
    lease_until: datetime | None = None
    last_error: str | None = None
    lookup: ReversalKind | None = None


@dataclass(slots=True)
class Webhook:
    """An inbox row."""

    event: ReceivedEvent
    state: WebhookState
    received_at: datetime
    last_error: str | None = None
    deliveries: int = 1
    replayed_by: UUID | None = None


@dataclass(slots=True)
class Kept:
    """The state of all tables."""

    catalogue: Catalogue = field(default_factory=shipped_catalogue)
    earlier: list[tuple[datetime, Catalogue]] = field(default_factory=list)
    keys: dict[tuple[UserId, str, str], tuple[bytes, datetime, StoredAnswer | None]] = field(default_factory=dict)
    promises: dict[tuple[UserId, str, str], StoredAnswer] = field(default_factory=dict)
    customers: dict[UserId, Customer] = field(default_factory=dict)
    subscriptions: dict[UUID, Subscription] = field(default_factory=dict)
    invoices: dict[UUID, Invoice] = field(default_factory=dict)
    checkouts: dict[UUID, Checkout] = field(default_factory=dict)
    accesses: list[AccessVersion] = field(default_factory=list)
    recomputes: dict[UserId, Recompute] = field(default_factory=dict)
    notices: set[tuple[UUID, datetime, int]] = field(default_factory=set)
    past: dict[str, list[PastEntitlement]] = field(default_factory=dict)
    overrides: dict[UUID, Override] = field(default_factory=dict)
    grants: dict[UUID, Grant] = field(default_factory=dict)
    syncs: dict[str, Sync] = field(default_factory=dict)
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    former_customers: set[str] = field(default_factory=set)
    reversals: dict[UUID, Reversal] = field(default_factory=dict)
    runs: dict[UUID, Run] = field(default_factory=dict)
    leases: dict[UUID, datetime] = field(default_factory=dict)
    erasures: dict[UserId, bool] = field(default_factory=dict)
    left_at: dict[UserId, datetime] = field(default_factory=dict)
    standings: dict[UserId, Standing] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Table:
    """A repository over the state."""

    kept: Kept
