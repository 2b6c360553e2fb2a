"""Ends at the provider what people have who are being erased: nobody pays for an account that is gone."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from payment_service.application.change_ports import LeavingGateway, SubscriptionGateway
from payment_service.application.one_by_one import BATCH, OneByOne
from payment_service.application.ports import Clock, Customer, PaymentGateway, StartWork
from payment_service.domain.access import Cause
from payment_service.domain.ids import UserId

log = logging.getLogger("payment")


@dataclass(frozen=True, slots=True)
class EndErased:
    """Safe when two run, and again after one that died: what has ended is not ended again.

    `given_back` is told of each invoice that was refunded, with its amount.
    """

    start_work: StartWork
    gateway: PaymentGateway
    subscriptions: SubscriptionGateway
    leaving: LeavingGateway
    now: Clock
    given_back: Callable[[str, int], None] = lambda _, __: None
    one_by_one: OneByOne = field(default_factory=OneByOne)

    async def __call__(self) -> bool:
        """Do one batch; tell whether there may be more."""
        async with self.start_work() as work:
            waiting = await work.erasures.waiting(BATCH, self.one_by_one.resting(self.now()))
        return await self.one_by_one.batch(waiting, self._end, self.now)

    async def _end(self, user_id: UserId) -> None:
        """End everything that the provider lists, then have it read: what was bought a moment ago is not known here."""
        async with self.start_work() as work:
            customer, left_at = await work.customers.of(user_id), await work.erasures.asked_at(user_id)
        if customer is not None:
            await self._end_all(customer, left_at)
        async with self.start_work() as work:
            if customer is not None:
                await work.syncs.ask([customer.id], Cause("erasure", str(user_id)), self.now())
            await work.erasures.ended(user_id, self.now())
            await work.commit()

    async def _end_all(self, customer: Customer, left_at: datetime) -> None:
        """Close the pages first: what is paid on one before that is a subscription when it is read."""
        await self.leaving.close_pages(customer.id)
        reading = await self.gateway.read_customer(customer.id)
        for each in reading.subscriptions:
            if each.terms.is_live:
                await self.subscriptions.end_now(each.terms.provider_id, _named(customer, each.terms.provider_id))
        since = left_at.replace(microsecond=0)  # the provider tells whole seconds
        for invoice in reading.invoices:
            if invoice.is_paid and invoice.paid_at is not None and invoice.paid_at >= since:
                await self._give_back(customer, invoice.provider_id)

    async def _give_back(self, customer: Customer, invoice_id: str) -> None:
        amount = await self.leaving.give_back(invoice_id, _named(customer, invoice_id))
        if amount:
            log.error("paid after leaving", extra={"customer": customer.id, "invoice": invoice_id, "amount": amount})
            self.given_back(invoice_id, amount)


def _named(customer: Customer, what: str) -> str:
    return f"erasure:{customer.user_id}:{what}"
