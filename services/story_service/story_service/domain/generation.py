"""The one paid primitive and how it may end (events-and-states.md 9.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from story_service.domain.ids import GenerationId, UserId
from story_service.domain.moderation import Decision
from story_service.domain.pricing import Bill, Quote, Usage

LEASE = timedelta(seconds=30)
HEARTBEAT = timedelta(seconds=10)
QUEUE_TIMEOUT = timedelta(seconds=120)
FINISHING_TIMEOUT = timedelta(seconds=60)
DEADLINE = timedelta(minutes=10)
CHUNKS_KEPT = timedelta(hours=24)
MOST_ATTEMPTS = 3


class State(StrEnum):
    """Where a generation stands."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    FINISHING = "finishing"
    SUCCEEDED = "succeeded"
    BLOCKED = "blocked"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Billing(StrEnum):
    """Where its money stands."""

    RESERVED = "reserved"
    SETTLED = "settled"
    RELEASED = "released"


class Trouble(StrEnum):
    """What an admin looks for: generations that nobody ends, and such as were not worth paying for."""

    STUCK = "stuck"
    FAILED = "failed"


OPEN = frozenset({State.ACCEPTED, State.RUNNING, State.FINISHING})


@dataclass(frozen=True, slots=True)
class Target:
    """What a generation writes into: a row of a kind's own."""

    type: str
    id: UUID


@dataclass(frozen=True, slots=True)
class Generation:
    """One call of a model, for one reader. Whoever holds `fence` may write; nobody else can.

    `request` is what its kind keeps of the call, as JSON. Those of one call share `chain_id`; one that `waits_for`
    another may not be taken before that one has ended, which sets `queued_at`.
    """

    id: GenerationId
    user_id: UserId
    kind: str
    target: Target
    model: str
    provider: str
    request: Mapping[str, Any]
    quote: Quote
    access_version: int
    created_at: datetime
    state: State = State.ACCEPTED
    billing: Billing = Billing.RESERVED
    attempt: int = 0
    fence: int = 0
    lease_until: datetime | None = None
    chain_id: UUID | None = None
    waits_for: GenerationId | None = None
    queued_at: datetime | None = None
    priority: int = 0
    usage: Usage | None = None
    price: int = 0
    cost_micros: int | None = None
    error_code: str | None = None
    last_seq: int = 0
    started_at: datetime | None = None
    first_token_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it can still change."""
        return self.state in OPEN

    @property
    def ready_at(self) -> datetime | None:
        """Since when it could be taken; None while it waits for another."""
        return None if self.waits_for else self.queued_at or self.created_at

    def quoted(self, remaining: Mapping[str, int | None]) -> "Generation":
        """Return it with what its reservation left of each meter."""
        meters = {meter: replace(terms, remaining_after=remaining[meter]) for meter, terms in self.quote.meters.items()}
        return replace(self, quote=replace(self.quote, meters=meters))

    def ended(self, ending: "Ending", bill: Bill, now: datetime) -> "Generation":
        """Return it closed; the fence moves on, so that whoever still writes cannot."""
        return replace(
            self,
            state=ending.state,
            billing=ending.billing,
            usage=ending.usage,
            price=bill.price,
            cost_micros=bill.cost_micros,
            error_code=ending.error,
            fence=self.fence + 1,
            lease_until=None,
            finished_at=now,
        )


@dataclass(frozen=True, slots=True)
class Ending:
    """How a generation ends. `usage` is what the reader pays for; without it nothing is charged."""

    state: State
    error: str | None = None
    usage: Usage | None = None
    decision: Decision | None = None

    @property
    def billing(self) -> Billing:
        """Money follows usage."""
        return Billing.RELEASED if self.usage is None else Billing.SETTLED


def succeeded(usage: Usage, decision: Decision | None) -> Ending:
    """The provider finished and the output keeps the rules."""
    return Ending(State.SUCCEEDED, usage=usage, decision=decision)


def failed(code: str) -> Ending:
    """The provider, or we, broke off: our fault, nothing is charged."""
    return Ending(State.FAILED, error=code)


def blocked(decision: Decision) -> Ending:
    """The output breaks the rules: never shown, never charged."""
    return Ending(State.BLOCKED, error="output_blocked", decision=decision)


def cancelled(delivered: Usage | None) -> Ending:
    """The reader stopped it, and pays for what was delivered, if anything was."""
    return Ending(State.CANCELLED, usage=delivered)


def lost(generation: Generation, now: datetime) -> Ending | None:
    """Return how an unattended generation ends, None if it is to be tried again or still has time."""
    if generation.state is State.ACCEPTED:
        late = generation.ready_at is not None and now - generation.ready_at >= QUEUE_TIMEOUT
        return Ending(State.EXPIRED, "queue_timeout") if late else None
    if generation.state is State.FINISHING:
        lapsed = generation.lease_until or generation.created_at
        return failed("writer_lost") if now - lapsed >= FINISHING_TIMEOUT - LEASE else None
    if generation.first_token_at is not None:
        return failed("writer_lost")
    return Ending(State.EXPIRED, "writer_lost") if generation.attempt >= MOST_ATTEMPTS else None
