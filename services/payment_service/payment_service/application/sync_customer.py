"""Brings one customer up to date: what the provider says of all their subscriptions now, written as one change.

This is the design that converged in every order of events (reliability.md): payloads only name the customer. The
per-customer lock is the lease with its fence, not a transaction: the provider is read with no transaction open, and
what was read is written only while the fence still stands, so an older reading can never follow a younger one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from payment_service.application.access_changes import recompute_access
from payment_service.application.ports import (
    ClaimedSync,
    Clock,
    CustomerReading,
    NewId,
    PaymentGateway,
    StartWork,
    Work,
)
from payment_service.domain.errors import ProviderRefused, ProviderUnavailable, SyncImpossible
from payment_service.domain.events import payment_facts, subscription_facts, webhook_dead
from payment_service.domain.ids import UserId
from payment_service.domain.invoice import Invoice, InvoiceReading
from payment_service.domain.plans import Catalogue
from payment_service.domain.subscription import (
    Subscription,
    SubscriptionReading,
    governing,
    without_rivals,
)

LEASE = timedelta(seconds=30)
_MOST_ATTEMPTS = 12
_LONGEST_PAUSE_SECONDS = 3600
CheckoutReading = Literal["open", "complete", "expired"]


@dataclass(frozen=True, slots=True)
class SyncCustomer:
    """`grace`: how long after a first failed payment the plan still applies."""

    start_work: StartWork
    gateway: PaymentGateway
    now: Clock
    new_id: NewId
    grace: timedelta
    ttl_seconds: int

    async def claim(self) -> ClaimedSync | None:
        """Take the next customer that is due, None when there is none."""
        async with self.start_work() as work:
            claimed = await work.syncs.claim(self.now(), LEASE)
            await work.commit()
        return claimed

    async def __call__(self, sync: ClaimedSync) -> str | None:
        """Do one claimed sync; return why it has to be tried again, None when it is done or no longer ours."""
        read_at = self.now()
        try:
            reading = await self.gateway.read_customer(sync.customer_id)
            checkout = await self._checkout(sync)
            return await self._write(sync, reading, checkout, read_at)
        except (ProviderUnavailable, ProviderRefused, SyncImpossible) as error:
            reason = error.reason if isinstance(error, SyncImpossible) else type(error).__name__
            await self.fail(sync, reason)
            return reason

    async def fail(self, sync: ClaimedSync, reason: str) -> None:
        """Put the sync off, each time for longer; give it up after the twelfth time."""
        async with self.start_work() as work:
            if await work.syncs.hold(sync):
                await self._put_off(work, sync, reason)
                await work.commit()

    async def _put_off(self, work: Work, sync: ClaimedSync, reason: str) -> None:
        now = self.now()
        if sync.attempts < _MOST_ATTEMPTS:
            pause = min(2 ** (sync.attempts - 1), _LONGEST_PAUSE_SECONDS)
            await work.syncs.fail(sync, reason, now + timedelta(seconds=pause))
        elif lost := await work.syncs.bury(sync, reason):
            facts = [webhook_dead(event_id, kind, reason, sync.customer_id, now) for event_id, kind in lost]
            await work.outbox.add(*facts)

    async def _checkout(self, sync: ClaimedSync) -> CheckoutReading | None:
        """Ask for the open page; what was bought counts, even where the provider knows nothing of the page."""
        try:
            return await self.gateway.checkout_state(sync.open_checkout) if sync.open_checkout else None
        except ProviderRefused:
            return None

    async def _write(
        self, sync: ClaimedSync, reading: CustomerReading, checkout: CheckoutReading | None, read_at: datetime
    ) -> str | None:
        """Write what is ours; return why the sync has to be tried again for what is not."""
        async with self.start_work() as work:
            if not await work.syncs.hold(sync):
                return None
            user_id = await work.customers.owner(sync.customer_id)
            if user_id is None:
                raise SyncImpossible("unknown customer")
            await work.lock_user(user_id)
            catalogue = await work.plans.catalogue()
            writer = _Writer(work, user_id, sync, catalogue, read_at, self)
            subscriptions = await writer.subscriptions(reading)
            await writer.invoices(reading.invoices, governing(subscriptions))
            await writer.checkout(checkout)
            await recompute_access(work, user_id, catalogue, sync.cause, self.now(), self.ttl_seconds)
            reason = "unknown price" if writer.has_strangers(reading) else None
            if reason:
                await self._put_off(work, sync, reason)
            else:
                await work.syncs.finish(sync, self.now())
            await work.commit()
            return reason


@dataclass(frozen=True, slots=True)
class _Writer:
    """One person's reading on its way into one transaction."""

    work: Work
    user_id: UserId
    sync: ClaimedSync
    catalogue: Catalogue
    read_at: datetime
    use_case: SyncCustomer

    async def subscriptions(self, reading: CustomerReading) -> list[Subscription]:
        """Write all subscriptions and tell what changed."""
        known = {each.terms.provider_id: each for each in await self.work.subscriptions.of(self.user_id)}
        failures = {each.provider_id: each.finalized_at for each in reading.invoices}
        fresh = [
            self._subscription(each, plan_code, known.get(each.terms.provider_id), failures)
            for each in reading.subscriptions
            if (plan_code := self._plan_code(each, known)) is not None
        ]
        read = {each.terms.provider_id for each in fresh}
        settled = without_rivals([*fresh, *(each for name, each in known.items() if name not in read)])
        await self.work.subscriptions.put_all(settled)
        for each in settled:
            if facts := subscription_facts(
                known.get(each.terms.provider_id), each, self.catalogue.plans, self.sync.cause.id, self.read_at
            ):
                await self.work.outbox.add(*facts)
        return settled

    def _plan_code(self, reading: SubscriptionReading, known: dict[str, Subscription]) -> str | None:
        """Return the plan that was bought; None for a price that is none of ours."""
        plan_code = self.catalogue.plan_of(reading.price_id, reading.lookup_key)
        if plan_code is None and (old := known.get(reading.terms.provider_id)) and not reading.terms.is_live:
            return old.plan_code
        return plan_code

    def has_strangers(self, reading: CustomerReading) -> bool:
        """Tell whether a live subscription was sold at a price that is none of ours, or not known yet."""
        return any(
            each.terms.is_live and self.catalogue.plan_of(each.price_id, each.lookup_key) is None
            for each in reading.subscriptions
        )

    def _subscription(
        self,
        reading: SubscriptionReading,
        plan_code: str,
        old: Subscription | None,
        failures: dict[str, datetime | None],
    ) -> Subscription:
        terms, read_at = reading.terms, self.read_at
        if old is None:
            fresh = Subscription(self.use_case.new_id(), self.user_id, plan_code, terms, read_at)
        else:
            fresh = old.reread(plan_code, terms, read_at)
        failed_at = failures.get(terms.latest_invoice_id or "") or read_at
        return fresh.with_grace(failed_at, self.use_case.grace)

    async def invoices(self, readings: Sequence[InvoiceReading], subscription: Subscription | None) -> None:
        """Write the recent invoices and tell of payments."""
        known = {each.reading.provider_id: each for each in await self.work.invoices.named(_names(readings))}
        grace_until = subscription.grace_until if subscription else None
        written: list[Invoice] = []
        for reading in sorted(readings, key=lambda each: (each.created_at, each.provider_id)):
            old = known.get(reading.provider_id)
            new = (
                old.reread(reading, self.read_at)
                if old
                else Invoice(self.use_case.new_id(), self.user_id, reading, self.read_at)
            )
            written.append(new)
            if facts := payment_facts(old, new, grace_until, self.read_at):
                await self.work.outbox.add(*facts)
        await self.work.invoices.put_all(written)

    async def checkout(self, reading: CheckoutReading | None) -> None:
        """Close the checkout that the provider has closed."""
        unfinished = await self.work.checkouts.unfinished(self.user_id)
        if unfinished and unfinished.provider_id == self.sync.open_checkout and reading in {"complete", "expired"}:
            await self.work.checkouts.put(unfinished.closed(reading))


def _names(readings: Sequence[InvoiceReading]) -> list[str]:
    return [each.provider_id for each in readings]
