"""Everything this service keeps, in memory: works run one after the other and really roll back."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from common_service.idempotency import IdempotencyInProgress, IdempotencyKeyReused
from common_service.testing_copies import copy_of
from payment_service.application import access_ports, ports, sync_ports
from payment_service.application.ports import (
    Attempt,
    Customer,
    InvoiceSearch,
    StoredAnswer,
    SubscriptionSearch,
)
from payment_service.application.sync_ports import ReceivedEvent
from payment_service.domain.access import Cause
from payment_service.domain.checkout import Checkout
from payment_service.domain.events import Fact
from payment_service.domain.ids import CustomerId, UserId
from payment_service.domain.invoice import Invoice
from payment_service.domain.subscription import Subscription
from services.payment_service.tests.kept import Kept, Table, Webhook
from services.payment_service.tests.memory_access import (
    Accesses,
    Dunning,
    Erasures,
    Grants,
    Overrides,
    Plans,
    Standings,
)
from services.payment_service.tests.memory_sync import Reversals, Runs, Syncs, Webhooks, ask


class Memory:
    """The store, and the webhook inbox over it."""

    def __init__(self) -> None:
        self.kept, self.lock = Kept(), asyncio.Lock()

    def work(self) -> "MemoryWork":
        return MemoryWork(self)

    async def put(self, event: ReceivedEvent, now: datetime) -> None:
        if known := self.kept.webhooks.get(event.id):
            known.deliveries += 1
            return
        self.kept.webhooks[event.id] = Webhook(event, "ignored" if event.is_ignored else "received", now)
        if event.is_ignored or not event.sync_key:
            return
        sync = ask(self.kept, event.sync_key, Cause("webhook", event.id), now)
        sync.lookup, sync.attempts, sync.is_dead = event.lookup, 0 if sync.is_dead else sync.attempts, False


class MemoryWork:
    """One work: a copy of everything, kept on commit."""

    attempts: ports.Attempts
    plans: access_ports.Plans
    customers: ports.Customers
    subscriptions: ports.Subscriptions
    invoices: ports.Invoices
    checkouts: ports.Checkouts
    accesses: access_ports.Accesses
    overrides: access_ports.Overrides
    grants: access_ports.Grants
    dunning: access_ports.Dunning
    erasures: access_ports.Erasures
    standings: access_ports.Standings
    syncs: sync_ports.Syncs
    reversals: sync_ports.Reversals
    webhooks: sync_ports.Webhooks
    runs: sync_ports.Runs
    outbox: ports.Outbox

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def __aenter__(self) -> Self:
        await self._memory.lock.acquire()
        self.kept = copy_of(self._memory.kept)
        self.attempts, self.plans, self.customers = Attempts(self.kept), Plans(self.kept), Customers(self.kept)
        self.subscriptions, self.invoices = Subscriptions(self.kept), Invoices(self.kept)
        self.checkouts, self.accesses = Checkouts(self.kept), Accesses(self.kept)
        self.overrides, self.grants = Overrides(self.kept), Grants(self.kept)
        self.dunning, self.erasures = Dunning(self.kept), Erasures(self.kept)
        self.standings = Standings(self.kept)
        self.syncs, self.outbox = Syncs(self.kept), Outbox(self.kept)
        self.reversals, self.webhooks, self.runs = Reversals(self.kept), Webhooks(self.kept), Runs(self.kept)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._memory.lock.release()

    async def lock_user(self, user_id: UserId) -> None: ...

    async def commit(self) -> None:
        self._memory.kept = copy_of(self.kept)


class Attempts(Table):
    async def claim(self, attempt: Attempt, now: datetime, lock_for: timedelta) -> StoredAnswer | None:
        name = (attempt.user_id, attempt.route, attempt.key)
        known = self.kept.keys.get(name)
        if known is None or (known[2] is None and known[1] <= now and known[0] == attempt.digest):
            self.kept.keys[name] = (attempt.digest, now + lock_for, None)
            return None
        if known[0] != attempt.digest:
            raise IdempotencyKeyReused
        if known[2] is None:
            raise IdempotencyInProgress
        return known[2]

    async def complete(self, attempt: Attempt, answer: StoredAnswer, resource_id: UUID | None) -> None:  # noqa: ARG002 - the port says so
        name = (attempt.user_id, attempt.route, attempt.key)
        self.kept.keys[name] = (attempt.digest, self.kept.keys[name][1], answer)

    async def release(self, attempt: Attempt) -> None:
        self.kept.keys.pop((attempt.user_id, attempt.route, attempt.key), None)
        self.kept.promises.pop((attempt.user_id, attempt.route, attempt.key), None)

    async def promised(self, attempt: Attempt) -> StoredAnswer | None:
        return self.kept.promises.get((attempt.user_id, attempt.route, attempt.key))

    async def promise(self, attempt: Attempt, answer: StoredAnswer) -> None:
        self.kept.promises[attempt.user_id, attempt.route, attempt.key] = answer

    async def leave(self, attempt: Attempt, now: datetime) -> None:
        self.kept.keys[attempt.user_id, attempt.route, attempt.key] = (attempt.digest, now, None)


class Customers(Table):
    async def of(self, user_id: UserId) -> Customer | None:
        return self.kept.customers.get(user_id)

    async def owner(self, customer_id: CustomerId) -> UserId | None:
        return next((each.user_id for each in self.kept.customers.values() if each.id == customer_id), None)

    async def is_former(self, customer_id: CustomerId) -> bool:
        return customer_id in self.kept.former_customers

    async def add_first(self, customer: Customer) -> Customer:
        standing = self.kept.customers.setdefault(customer.user_id, customer)
        if standing.deleted_at is not None and standing.id != customer.id:
            self.kept.former_customers.add(standing.id)
            standing = replace(customer, generation=standing.generation + 1)
            self.kept.customers[customer.user_id] = standing
        return standing

    async def delete(self, customer_id: CustomerId, now: datetime) -> None:
        for each in list(self.kept.customers.values()):
            if each.id == customer_id and each.deleted_at is None:
                self.kept.customers[each.user_id] = replace(each, deleted_at=now)


class Subscriptions(Table):
    async def of(self, user_id: UserId) -> list[Subscription]:
        return [each for each in self.kept.subscriptions.values() if each.user_id == user_id]

    async def named(self, provider_ids: Sequence[str]) -> list[Subscription]:
        return [each for each in self.kept.subscriptions.values() if each.terms.provider_id in provider_ids]

    async def live_between(self, low: datetime | None, high: datetime) -> list[tuple[str, CustomerId]]:
        return [
            (each.terms.provider_id, self.kept.customers[each.user_id].id)
            for each in self.kept.subscriptions.values()
            if each.terms.is_live and each.terms.created_at <= high and (low is None or each.terms.created_at > low)
        ]

    async def put_all(self, subscriptions: Sequence[Subscription]) -> None:
        self.kept.subscriptions |= {each.id: each for each in subscriptions}

    async def search(
        self, wanted: SubscriptionSearch, limit: int, before: tuple[datetime, UUID] | None
    ) -> list[Subscription]:
        found = [
            each for each in self.kept.subscriptions.values()
            if wanted.status in {None, each.terms.status} and wanted.plan_code in {None, each.plan_code}
        ]  # fmt: skip
        ordered = sorted(found, key=lambda each: (each.terms.created_at, each.id), reverse=True)
        return [each for each in ordered if before is None or (each.terms.created_at, each.id) < before][:limit]


class Invoices(Table):
    async def search(self, wanted: InvoiceSearch, limit: int, before: tuple[datetime, UUID] | None) -> list[Invoice]:
        found = [
            each for each in self.kept.invoices.values()
            if wanted.status in {None, each.reading.status}
            and (wanted.since is None or each.reading.created_at >= wanted.since)
        ]  # fmt: skip
        ordered = sorted(found, key=_position, reverse=True)
        return [each for each in ordered if before is None or _position(each) < before][:limit]

    async def page(self, user_id: UserId, limit: int, before: tuple[datetime, UUID] | None) -> list[Invoice]:
        mine = [each for each in self.kept.invoices.values() if each.user_id == user_id]
        ordered = sorted(mine, key=_position, reverse=True)
        return [each for each in ordered if before is None or _position(each) < before][:limit]

    async def named(self, provider_ids: Sequence[str]) -> list[Invoice]:
        return [each for each in self.kept.invoices.values() if each.reading.provider_id in provider_ids]

    async def put_all(self, invoices: Sequence[Invoice]) -> None:
        self.kept.invoices |= {each.id: each for each in invoices}


class Checkouts(Table):
    async def get(self, checkout_id: UUID) -> Checkout | None:
        return self.kept.checkouts.get(checkout_id)

    async def unfinished(self, user_id: UserId) -> Checkout | None:
        mine = (each for each in self.kept.checkouts.values() if each.user_id == user_id)
        return next((each for each in mine if each.state in {"creating", "open"}), None)

    async def put(self, checkout: Checkout) -> None:
        self.kept.checkouts[checkout.id] = checkout


class Outbox(Table):
    async def add(self, *facts: Fact) -> None:
        self.kept.facts.extend(facts)


def _position(invoice: Invoice) -> tuple[Any, Any]:
    return invoice.reading.created_at, invoice.id
