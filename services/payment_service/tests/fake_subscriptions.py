"""Running subscriptions at the Stripe that lives in memory. A card that `needs_its_owner` leaves every bill open."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from payment_service.domain.changes import Bill, BillLine, ChangeOrder, RunningSubscription
from payment_service.domain.errors import ProviderRefused
from payment_service.domain.invoice import InvoiceReading
from payment_service.domain.subscription import ProviderStatus, SubscriptionReading, Terms
from services.payment_service.tests.worlds import MONTH, FakeStripe

PRICES = {"price_pro_month": 999, "price_max_month": 1999}
_NOTHING: dict[str, Any] = {"pending_price_id": None, "pending_at": None, "schedule_id": None}


def share(amount: int, at: datetime, terms: Terms) -> int:
    """Return what of an amount falls on the rest of the period, half up."""
    assert terms.period_start is not None
    assert terms.period_end is not None
    left, whole = (int((terms.period_end - each).total_seconds()) for each in (at, terms.period_start))
    return (2 * amount * left + whole) // (2 * whole)


@dataclass(slots=True)
class FakeSubscriptions:
    """Does what it is asked once for each name, on the subscriptions of a FakeStripe."""

    stripe: FakeStripe
    needs_its_owner: bool = False
    done: set[str] = field(default_factory=set)
    reasons: list[str | None] = field(default_factory=list)

    async def running(self, subscription_id: str) -> RunningSubscription | None:
        await self.stripe._called()
        return self._running(subscription_id)

    async def foresee(self, order: ChangeOrder) -> Bill:
        await self.stripe._called()
        return self._bill(order)

    async def change_now(self, order: ChangeOrder, name: str) -> RunningSubscription:
        if self._is_new(name):
            self._bill_it(order)
        await self.stripe._called()
        return self._again(order.running)

    async def change_later(self, order: ChangeOrder, name: str) -> None:
        if self._is_new(name):
            pending = {"pending_price_id": order.price.provider_id, "pending_at": order.running.terms.period_end}
            self._change(order.running, **pending, schedule_id="sub_sched_1")
        await self.stripe._called()

    async def withdraw(self, running: RunningSubscription, name: str) -> None:
        if self._is_new(f"{name}:withdraw"):
            if running.terms.waits_for_payment:
                self._settle(running, "void")
            self._change(running, **_NOTHING)
        await self.stripe._called()

    async def end(self, running: RunningSubscription, reason: str | None, name: str) -> RunningSubscription:
        if self._is_new(name):
            self.reasons.append(reason)
            now = self.stripe.now()
            if running.terms.status is ProviderStatus.INCOMPLETE:
                self._change(running, status=ProviderStatus.INCOMPLETE_EXPIRED, ended_at=now)
            else:
                end = running.terms.period_end
                self._change(running, cancel_at_period_end=True, cancel_at=end, canceled_at=now)
        await self.stripe._called()
        return self._again(running)

    async def end_now(self, subscription_id: str, name: str) -> None:
        running = self._running(subscription_id)
        if running is not None and running.terms.is_live and self._is_new(name):
            self._change(running, status=ProviderStatus.CANCELED, ended_at=self.stripe.now())
        await self.stripe._called()

    async def go_on(self, running: RunningSubscription, name: str) -> RunningSubscription:
        if self._is_new(name):
            self._change(running, cancel_at_period_end=False, cancel_at=None, canceled_at=None)
        await self.stripe._called()
        return self._again(running)

    def pay_bill(self, customer_id: str) -> None:
        """Let the owner pay what a change waits for."""
        reading = self.stripe.subscriptions[customer_id][-1]
        assert reading.terms.pending_price_id is not None
        self._settle(self._at(reading.terms.provider_id), "paid")
        self.stripe.subscriptions[customer_id][-1] = replace(reading, price_id=reading.terms.pending_price_id)
        self._change(self._at(reading.terms.provider_id), **_NOTHING)

    def reach_period_end(self, customer_id: str) -> None:
        """Let the phase that was planned begin."""
        reading = self.stripe.subscriptions[customer_id][-1]
        price_id, start = reading.terms.pending_price_id or reading.price_id, reading.terms.period_end
        assert start is not None
        self.stripe.subscriptions[customer_id][-1] = replace(reading, price_id=price_id)
        running = self._at(reading.terms.provider_id)
        self._change(running, period_start=start, period_end=start + MONTH, **_NOTHING)

    def _bill_it(self, order: ChangeOrder) -> None:
        customer, place = self._place(order.running.terms.provider_id)
        bill, now = self._bill(order), self.stripe.now()
        number = len(self.stripe.invoices[customer]) + 1
        is_paid = not self.needs_its_owner or bill.amount_due == 0
        invoice = InvoiceReading(
            f"in_change_{number}", "paid" if is_paid else "open", "usd", bill.amount_due,
            bill.amount_due if is_paid else 0, now, order.running.terms.provider_id, f"A-{number}",
            hosted_url=f"https://invoice.stripe.com/i/{number}", finalized_at=now, paid_at=now if is_paid else None,
        )  # fmt: skip
        self.stripe.invoices[customer].append(invoice)
        theirs = self.stripe.subscriptions[customer]
        if is_paid:
            theirs[place] = replace(theirs[place], price_id=order.price.provider_id)
            self._change(order.running, latest_invoice_id=invoice.provider_id, schedule_id=None)
        else:
            waiting = {"pending_price_id": order.price.provider_id, "pending_at": now + MONTH, "schedule_id": None}
            self._change(order.running, latest_invoice_id=invoice.provider_id, **waiting)

    def _bill(self, order: ChangeOrder) -> Bill:
        terms, new = order.running.terms, order.price.unit_amount
        assert terms.period_end is not None
        if order.effect == "period_end" or terms.status is ProviderStatus.TRIALING:
            line = BillLine("next period", new, terms.period_end, terms.period_end + MONTH, is_proration=False)
            return Bill("usd", new, new, 0, new, (line,))
        at = order.proration_at or self.stripe.now()
        old = PRICES[order.running.reading.price_id]
        amounts = {"unused time": -share(old, at, terms), "remaining time": share(new, at, terms)}
        lines = tuple(BillLine(text, each, at, terms.period_end, is_proration=True) for text, each in amounts.items())
        total = sum(amounts.values())
        return Bill("usd", total, total, 0, max(total, 0), lines)

    def _settle(self, running: RunningSubscription, status: Any) -> None:
        customer, _ = self._place(running.terms.provider_id)
        last = self.stripe.invoices[customer][-1]
        paid = last.amount_due if status == "paid" else 0
        self.stripe.invoices[customer][-1] = replace(last, status=status, amount_paid=paid)

    def _change(self, running: RunningSubscription, **terms: Any) -> None:
        customer, _ = self._place(running.terms.provider_id)
        self.stripe.change(customer, **terms)

    def _again(self, running: RunningSubscription) -> RunningSubscription:
        return self._at(running.terms.provider_id)

    def _at(self, subscription_id: str) -> RunningSubscription:
        found = self._running(subscription_id)
        if found is None:
            raise ProviderRefused("resource_missing")
        return found

    def _running(self, subscription_id: str) -> RunningSubscription | None:
        for customer, theirs in self.stripe.subscriptions.items():
            for reading in theirs:
                if reading.terms.provider_id == subscription_id:
                    return RunningSubscription(reading, f"si_{subscription_id}", self._open_bill(customer, reading))
        return None

    def _open_bill(self, customer_id: str, reading: SubscriptionReading) -> str | None:
        invoices = self.stripe.invoices.get(customer_id, [])
        latest = [each for each in invoices if each.provider_id == reading.terms.latest_invoice_id]
        return next((each.hosted_url for each in latest if each.status == "open"), None)

    def _place(self, subscription_id: str) -> tuple[str, int]:
        for customer, theirs in self.stripe.subscriptions.items():
            for place, reading in enumerate(theirs):
                if reading.terms.provider_id == subscription_id:
                    return customer, place
        raise ProviderRefused("resource_missing")

    def _is_new(self, name: str) -> bool:
        if any(isinstance(fault, ProviderRefused) for fault in self.stripe.faults):
            return False
        is_new = name not in self.done
        self.done.add(name)
        return is_new
