"""What Stripe's lists say: of one customer, everything; of all customers, a page at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import structlog

from payment_service.application.sync_ports import CustomerReading, Owned, Pages
from payment_service.domain.errors import ProviderRefused
from payment_service.domain.ids import CustomerId, UserId
from payment_service.domain.invoice import InvoiceReading
from payment_service.domain.reversal import ReversalKind, ReversalReading
from payment_service.domain.subscription import SubscriptionReading
from payment_service.infrastructure.stripe_calls import StripeCalls
from payment_service.infrastructure.stripe_readings import (
    Json,
    invoice_reading,
    paid_invoices,
    readable_invoices,
    reference_id,
    reversal_reading,
    subscription_reading,
    time_of,
)

if TYPE_CHECKING:
    import stripe

log = structlog.get_logger("stripe")
_PAGE = 100
_WITH_SCHEDULE = ["data.schedule"]
_UNREADABLE = (KeyError, TypeError, ValueError, IndexError)
Read = TypeVar("Read")


class StripeLedger:
    """Reads lists, every page of them."""

    def __init__(self, calls: StripeCalls) -> None:
        self._calls, self._v1 = calls, calls.client.v1

    async def read_customer(self, customer_id: CustomerId) -> CustomerReading:
        """Read everything about a customer. One without a live subscription may have been deleted: that is asked."""
        subscriptions, invoices, charges = await asyncio.gather(
            self._calls.ask_about(lambda: self._subscriptions(customer_id)),
            self._calls.ask_about(lambda: self._invoices(customer_id)),
            self._calls.ask_about(lambda: self._charges(customer_id)),
        )
        taken_back = [each for each in charges or [] if each["disputed"] or each["amount_refunded"]]
        reversals = [await self._reversals(charge, paid_invoices(invoices or [])) for charge in taken_back]
        try:
            readings = [subscription_reading(body) for body in subscriptions or []]
        except _UNREADABLE as error:
            log.warning("unreadable answer", customer=customer_id, reason=repr(error))
            raise ProviderRefused("unreadable answer") from None
        return CustomerReading(
            readings,
            readable_invoices(invoices or [], self._calls.pages),
            [each for some in reversals for each in some],
            is_deleted=not any(each.terms.is_live for each in readings) and await self.is_deleted(customer_id),
        )

    async def is_deleted(self, customer_id: CustomerId) -> bool:
        """Tell whether a customer exists no more."""
        body = await self._customer(customer_id)
        return body is None or body.get("deleted") is True

    async def owner_of(self, customer_id: CustomerId) -> UserId | None:
        """Return for whom we created a customer, as we wrote it down there."""
        body = await self._customer(customer_id)
        try:
            return UserId(UUID((body or {}).get("metadata", {})["user_id"]))
        except (KeyError, ValueError):
            return None

    async def customer_of(self, kind: ReversalKind, provider_id: str) -> CustomerId | None:
        """Return whose refund or dispute this is."""

        def retrieve() -> Json:
            expanded: Any = {"expand": ["charge"]}
            found = self._v1.disputes if kind == "dispute" else self._v1.refunds
            return found.retrieve(provider_id, expanded).to_dict()

        body = await self._calls.ask_about(retrieve)
        return _customer_of_charge(body) if body else None

    async def subscription_pages(self) -> Pages[SubscriptionReading]:
        """Go through all subscriptions, ended ones too."""

        def page(after: dict[str, Any]) -> Any:
            params: Any = {"status": "all", "limit": _PAGE, "expand": _WITH_SCHEDULE, **after}
            return self._v1.subscriptions.list(params)

        async for bodies in self._pages(page):
            yield _owned(bodies, subscription_reading, _customer)

    async def invoice_pages(self, since: datetime) -> Pages[InvoiceReading]:
        """Go through the invoices that were created since."""
        created = {"gte": int(since.timestamp())}

        def page(after: dict[str, Any]) -> Any:
            params: Any = {"created": created, "limit": _PAGE, **after}
            return self._v1.invoices.list(params)

        async for bodies in self._pages(page):
            yield _owned(bodies, partial(invoice_reading, pages=self._calls.pages), _customer)

    async def reversal_pages(self, kind: ReversalKind) -> Pages[ReversalReading]:
        """Go through all refunds or disputes; the invoice is not told."""

        def page(after: dict[str, Any]) -> Any:
            listed: Any = {"limit": _PAGE, "expand": ["data.charge"], **after}
            return (self._v1.disputes if kind == "dispute" else self._v1.refunds).list(listed)

        def read(body: Json) -> ReversalReading:
            return reversal_reading(kind, body, body["charge"], {})

        async for bodies in self._pages(page):
            yield _owned(bodies, read, _customer_of_charge)

    async def _pages(self, page: Callable[[dict[str, Any]], Any]) -> AsyncIterator[list[Json]]:
        after: dict[str, Any] = {}
        while True:
            listed = await self._calls.ask(partial(_listed, page, after))
            bodies: list[Json] = listed["data"]
            if bodies:
                yield bodies
            if not listed["has_more"] or not bodies:
                return
            after = {"starting_after": bodies[-1]["id"]}

    async def _reversals(self, charge: Json, invoices: dict[str, str]) -> list[ReversalReading]:
        of_charge: Any = {"charge": charge["id"], "limit": _PAGE}

        def refunds() -> list[Json]:
            return [each.to_dict() for each in self._v1.refunds.list(of_charge).auto_paging_iter()]

        def disputes() -> list[Json]:
            return [each.to_dict() for each in self._v1.disputes.list(of_charge).auto_paging_iter()]

        found: list[ReversalReading] = []
        if charge["amount_refunded"]:
            found += [reversal_reading("refund", body, charge, invoices) for body in await self._calls.ask(refunds)]
        if charge["disputed"]:
            found += [reversal_reading("dispute", body, charge, invoices) for body in await self._calls.ask(disputes)]
        return found

    async def _customer(self, customer_id: CustomerId) -> Json | None:
        return await self._calls.ask_about(lambda: self._v1.customers.retrieve(customer_id).to_dict())

    def _subscriptions(self, customer_id: CustomerId) -> list[Json]:
        params: Any = {"customer": customer_id, "status": "all", "limit": _PAGE, "expand": _WITH_SCHEDULE}
        listed = self._v1.subscriptions.list(params)
        return [each.to_dict() for each in listed.auto_paging_iter()]

    def _invoices(self, customer_id: CustomerId) -> list[Json]:
        params: stripe.params.InvoiceListParams = {
            "customer": customer_id,
            "limit": _PAGE,
            "expand": ["data.payments"],
        }
        return [each.to_dict() for each in self._v1.invoices.list(params).auto_paging_iter()]

    def _charges(self, customer_id: CustomerId) -> list[Json]:
        listed = self._v1.charges.list({"customer": customer_id, "limit": _PAGE})
        return [each.to_dict() for each in listed.auto_paging_iter()]


def _listed(page: Callable[[dict[str, Any]], Any], after: dict[str, Any]) -> Json:
    listed: Json = page(after).to_dict()
    return listed


def _owned(
    bodies: Sequence[Json], read: Callable[[Json], Read], customer: Callable[[Json], CustomerId | None]
) -> list[Owned[Read]]:
    """Read what can be read; what cannot is told in the log, and differs for nobody."""
    found = []
    for body in bodies:
        try:
            if (owner := customer(body)) is not None:
                found.append(Owned(owner, time_of(body["created"]), read(body)))
        except _UNREADABLE as error:
            log.warning("unreadable entry", object=body.get("id"), reason=repr(error))
    return found


def _customer(body: Json) -> CustomerId | None:
    name = reference_id(body["customer"])
    return CustomerId(name) if name else None


def _customer_of_charge(body: Json) -> CustomerId | None:
    return _customer(body["charge"]) if body.get("charge") else None
