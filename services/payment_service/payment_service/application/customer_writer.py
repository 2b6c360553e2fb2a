"""Writes what the provider says of one customer, in one transaction, and tells what changed."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from payment_service.application.denials import let_stand
from payment_service.application.ports import NewId, Work
from payment_service.application.sync_ports import ClaimedSync, CustomerReading
from payment_service.domain.drift import Drift, history_drift, subscription_drift
from payment_service.domain.events import drift_found, payment_facts, reversal_facts, subscription_facts
from payment_service.domain.ids import UserId
from payment_service.domain.invoice import Invoice, InvoiceReading
from payment_service.domain.plans import Catalogue
from payment_service.domain.reversal import Reversal, ReversalReading, denials
from payment_service.domain.subscription import Subscription, SubscriptionReading, governing, without_rivals

CheckoutReading = Literal["open", "complete", "expired"]


@dataclass(frozen=True, slots=True)
class CustomerWriter:
    """One person's reading on its way into one transaction. `drifts` gathers what was otherwise before."""

    work: Work
    user_id: UserId
    sync: ClaimedSync
    catalogue: Catalogue
    read_at: datetime
    new_id: NewId
    grace: timedelta
    drifts: list[Drift] = field(default_factory=list)

    async def write(self, reading: CustomerReading, checkout: CheckoutReading | None) -> None:
        """Write everything, and by rule what follows from refunds and disputes."""
        if reading.is_deleted:
            await self.work.customers.delete(self.sync.customer_id, self.read_at)
        governed = governing(await self._subscriptions(reading))
        await self._invoices(reading.invoices, governed)
        await self._reversals(reading.reversals, governed)
        await self._checkout(checkout)
        if self.sync.cause.type == "reconcile" and self.drifts:
            await self._report()

    def has_strangers(self, reading: CustomerReading) -> bool:
        """Tell whether a live subscription was sold at a price that is none of ours, or not known yet."""
        return any(
            each.terms.is_live and self.catalogue.plan_of(each.price_id, each.lookup_key) is None
            for each in reading.subscriptions
        )

    async def _subscriptions(self, reading: CustomerReading) -> list[Subscription]:
        known = {each.terms.provider_id: each for each in await self.work.subscriptions.of(self.user_id)}
        listed = {each.terms.provider_id for each in reading.subscriptions}
        fresh = [
            self._subscription(each, plan_code, known.get(each.terms.provider_id), reading.invoices)
            for each in reading.subscriptions
            if (plan_code := self._plan_code(each, known)) is not None
        ]
        read = {each.terms.provider_id for each in fresh}
        rest = (each for name, each in known.items() if name not in read)
        settled = without_rivals(
            [*fresh, *(each if each.terms.provider_id in listed else self._unlisted(each) for each in rest)]
        )
        await self.work.subscriptions.put_all(settled)
        if any(each.terms.is_live and each.terms.provider_id not in known for each in settled):
            await self.work.erasures.reopen(self.user_id)  # a page was paid that had been open when they left
        for each in settled:
            old = known.get(each.terms.provider_id)
            self.drifts.extend(subscription_drift(old, each))
            if facts := subscription_facts(old, each, self.catalogue.plans, self.sync.cause.id, self.read_at):
                await self.work.outbox.add(*facts)
        return settled

    def _unlisted(self, subscription: Subscription) -> Subscription:
        """The list holds everything there is: what is not in it went with its customer."""
        return subscription.vanished(self.read_at) if subscription.terms.is_live else subscription

    def _plan_code(self, reading: SubscriptionReading, known: dict[str, Subscription]) -> str | None:
        """Return the plan that was bought; None for a price that is none of ours."""
        plan_code = self.catalogue.plan_of(reading.price_id, reading.lookup_key)
        if plan_code is None and (old := known.get(reading.terms.provider_id)) and not reading.terms.is_live:
            return old.plan_code
        return plan_code

    def _subscription(
        self, reading: SubscriptionReading, plan_code: str, old: Subscription | None, invoices: Sequence[InvoiceReading]
    ) -> Subscription:
        terms, read_at = reading.terms, self.read_at
        if old is None:
            fresh = Subscription(self.new_id(), self.user_id, plan_code, terms, read_at)
        else:
            fresh = old.reread(plan_code, terms, read_at)
        unpaid = [each.finalized_at for each in invoices if each.is_unpaid_of(terms.provider_id) and each.finalized_at]
        return fresh.with_grace(min(unpaid, default=None), self.grace)

    async def _invoices(self, readings: Sequence[InvoiceReading], subscription: Subscription | None) -> None:
        names = [each.provider_id for each in readings]
        known = {each.reading.provider_id: each for each in await self.work.invoices.named(names)}
        grace_until = subscription.grace_until if subscription else None
        written: list[Invoice] = []
        for reading in sorted(readings, key=lambda each: (each.created_at, each.provider_id)):
            old = known.get(reading.provider_id)
            new = old.reread(reading, self.read_at) if old else self._invoice(reading)
            if old is None or old.reading != reading:
                written.append(new)
                self.drifts.extend(history_drift(old, new))
            if facts := payment_facts(old, new, grace_until, self.read_at):
                await self.work.outbox.add(*facts)
        await self.work.invoices.put_all(written)

    def _invoice(self, reading: InvoiceReading) -> Invoice:
        return Invoice(self.new_id(), self.user_id, reading, self.read_at)

    async def _reversals(self, readings: Sequence[ReversalReading], subscription: Subscription | None) -> None:
        known = {each.reading.provider_id: each for each in await self.work.reversals.of(self.user_id)}
        written: list[Reversal] = []
        for reading in sorted(readings, key=lambda each: (each.created_at, each.provider_id)):
            old = known.get(reading.provider_id)
            new = old.reread(reading, self.read_at) if old else self._reversal(reading)
            known[reading.provider_id] = new
            if old is None or old.reading != reading:
                written.append(new)
                self.drifts.extend(history_drift(old, new))
            if facts := reversal_facts(old, new, self.read_at):
                await self.work.outbox.add(*facts)
        named = {each.provider_id for each in readings}
        for old in [each for name, each in known.items() if name not in named and each.reading.kind == "refund"]:
            # Stripe lists the refunds of charges that something was refunded of: this one came to nothing
            new = old.reread(replace(old.reading, status="failed"), self.read_at)
            known[old.reading.provider_id] = new
            written += [new] if new != old else []
        await self.work.reversals.put_all(written)
        due = denials(list(known.values()), subscription, self.read_at)
        await let_stand(self.work, self.user_id, due, self.read_at)

    def _reversal(self, reading: ReversalReading) -> Reversal:
        return Reversal(self.new_id(), self.user_id, reading, self.read_at)

    async def _checkout(self, reading: CheckoutReading | None) -> None:
        """Close the checkout that the provider has closed."""
        unfinished = await self.work.checkouts.unfinished(self.user_id)
        if unfinished and unfinished.provider_id == self.sync.open_checkout and reading in {"complete", "expired"}:
            await self.work.checkouts.put(unfinished.closed(reading))

    async def _report(self) -> None:
        customer_id = self.sync.customer_id
        facts = [drift_found(self.user_id, customer_id, drift, self.read_at, healed=True) for drift in self.drifts]
        await self.work.outbox.add(*facts)
        await self.work.runs.found(UUID(self.sync.cause.id), str(self.user_id), self.drifts, healed=True)
