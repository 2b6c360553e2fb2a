"""Pages over everybody's subscriptions and invoices, for an admin."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from payment_service.application.ports import InvoiceSearch, StartWork, SubscriptionSearch
from payment_service.domain.invoice import Invoice
from payment_service.domain.subscription import Subscription


@dataclass(frozen=True, slots=True)
class ListSubscriptions:
    """Lists subscriptions, ended ones too."""

    start_work: StartWork

    async def __call__(
        self, wanted: SubscriptionSearch, limit: int, before: tuple[datetime, UUID] | None
    ) -> tuple[Sequence[Subscription], bool]:
        """Return one page, youngest first, and whether there are more."""
        async with self.start_work() as work:
            found = await work.subscriptions.search(wanted, limit + 1, before)
        return found[:limit], len(found) > limit


@dataclass(frozen=True, slots=True)
class ListInvoices:
    """Lists invoices."""

    start_work: StartWork

    async def __call__(
        self, wanted: InvoiceSearch, limit: int, before: tuple[datetime, UUID] | None
    ) -> tuple[Sequence[Invoice], bool]:
        """Return one page, youngest first, and whether there are more."""
        async with self.start_work() as work:
            found = await work.invoices.search(wanted, limit + 1, before)
        return found[:limit], len(found) > limit
