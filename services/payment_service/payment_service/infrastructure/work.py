"""One transaction over everything this service keeps."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from common_events import outbox
from common_service.database import SqlWork
from common_service.idempotency import IdempotencyKeys
from payment_service.application.access_ports import Accesses, Dunning, Erasures, Grants, Overrides, Plans, Standings
from payment_service.application.ports import (
    Attempt,
    Attempts,
    Checkouts,
    Customers,
    Invoices,
    Outbox,
    StoredAnswer,
    Subscriptions,
)
from payment_service.application.sync_ports import Reversals, Runs, Syncs, Webhooks
from payment_service.domain.events import Fact
from payment_service.domain.ids import UserId
from payment_service.infrastructure.access_repository import SqlAccesses
from payment_service.infrastructure.base import IDEMPOTENCY_KEYS, MESSAGING
from payment_service.infrastructure.billing_repositories import (
    SqlCheckouts,
    SqlCustomers,
    SqlInvoices,
    SqlSubscriptions,
)
from payment_service.infrastructure.dunning_repository import SqlDunning
from payment_service.infrastructure.erasure_repository import SqlErasures
from payment_service.infrastructure.overlay_repositories import SqlGrants, SqlOverrides
from payment_service.infrastructure.plan_repository import PLANS_LOCK, SqlPlans
from payment_service.infrastructure.reconcile_repositories import SqlReversals, SqlRuns
from payment_service.infrastructure.standing_repository import SqlStandings
from payment_service.infrastructure.sync_repository import SqlSyncs
from payment_service.infrastructure.webhook_repository import SqlWebhooks

_CREATED = 201


class SqlPaymentWork(SqlWork):
    """The repositories that share a session."""

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

    def open(self, session: AsyncSession) -> None:
        """Build them."""
        self.attempts = SqlAttempts(session)
        self.plans = SqlPlans(session)
        self.customers = SqlCustomers(session)
        self.subscriptions = SqlSubscriptions(session)
        self.invoices = SqlInvoices(session)
        self.checkouts = SqlCheckouts(session)
        self.accesses = SqlAccesses(session)
        self.overrides = SqlOverrides(session)
        self.grants = SqlGrants(session)
        self.dunning = SqlDunning(session)
        self.erasures = SqlErasures(session)
        self.standings = SqlStandings(session)
        self.syncs = SqlSyncs(session)
        self.reversals = SqlReversals(session)
        self.webhooks = SqlWebhooks(session)
        self.runs = SqlRuns(session)
        self.outbox = SqlFacts(session)

    async def lock_user(self, user_id: UserId) -> None:
        """Let nobody else change this person's billing until the transaction ends, nor anybody change the plans.

        Order of locks: sync, plans, person.
        """
        plans = func.pg_advisory_xact_lock_shared(PLANS_LOCK)
        person = func.pg_advisory_xact_lock(func.hashtextextended(f"user:{user_id}", 0))
        await self.session.execute(select(plans, person))


class SqlAttempts:
    """Idempotency keys, with a way to give one back."""

    def __init__(self, session: AsyncSession) -> None:
        self._session, self._keys = session, IdempotencyKeys(session, IDEMPOTENCY_KEYS)

    async def claim(self, attempt: Attempt, now: datetime, lock_for: timedelta) -> StoredAnswer | None:
        """Take the key, or return the answer it has."""
        known = await self._keys.claim(
            str(attempt.user_id), attempt.route, attempt.key, attempt.digest, now, lock_for=lock_for
        )
        return StoredAnswer(known.body) if known else None

    async def complete(self, attempt: Attempt, answer: StoredAnswer, resource_id: UUID | None) -> None:
        """Keep the answer under the key."""
        who = str(attempt.user_id)
        await self._keys.complete(who, attempt.route, attempt.key, _CREATED, dict(answer.body), resource_id)

    async def release(self, attempt: Attempt) -> None:
        """Give the key back."""
        await self._session.execute(delete(IDEMPOTENCY_KEYS).where(_open(attempt)))

    async def promised(self, attempt: Attempt) -> StoredAnswer | None:
        """Return what a call under this key was to be answered whose effect was never learned."""
        same = IDEMPOTENCY_KEYS.c.request_hash == attempt.digest
        body = await self._session.scalar(select(IDEMPOTENCY_KEYS.c.response_body).where(_open(attempt), same))
        return StoredAnswer(body) if body else None

    async def promise(self, attempt: Attempt, answer: StoredAnswer) -> None:
        """Note what a claimed key is to be answered when what is asked for now comes about."""
        noted = update(IDEMPOTENCY_KEYS).where(_open(attempt)).values(response_body=dict(answer.body))
        await self._session.execute(noted)

    async def leave(self, attempt: Attempt, now: datetime) -> None:
        """Let the next call take the key over, and what was promised with it."""
        await self._session.execute(update(IDEMPOTENCY_KEYS).where(_open(attempt)).values(locked_until=now))


def _open(attempt: Attempt) -> ColumnElement[bool]:
    columns = IDEMPOTENCY_KEYS.c
    mine = (columns.principal == str(attempt.user_id)) & (columns.route == attempt.route)
    return mine & (columns.key == attempt.key) & (columns.state == "in_progress")


class SqlFacts:
    """The outbox, told in this service's own words."""

    def __init__(self, session: AsyncSession) -> None:
        self._outbox = outbox.SqlOutbox(session, MESSAGING)

    async def add(self, *facts: Fact) -> None:
        """Write facts; the relay is woken when the transaction commits."""
        await self._outbox.add(
            *(
                outbox.Fact(
                    type=fact.type,
                    partition_key=fact.partition_key,
                    aggregate_version=fact.version,
                    data=fact.data,
                    occurred_at=fact.occurred_at,
                    subject=fact.subject,
                )
                for fact in facts
            )
        )
