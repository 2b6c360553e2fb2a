"""Customers, subscriptions, invoices and checkouts in Postgres."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Tuple, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.application.ports import Customer, InvoiceSearch, SubscriptionSearch
from payment_service.domain.checkout import Checkout
from payment_service.domain.ids import CustomerId, UserId
from payment_service.domain.invoice import Invoice
from payment_service.domain.subscription import Subscription
from payment_service.infrastructure.base import PROVIDER, Row
from payment_service.infrastructure.billing_rows import CheckoutRow, CustomerRow, InvoiceRow, SubscriptionRow
from payment_service.infrastructure.plan_rows import PriceRow
from payment_service.infrastructure.reversal_rows import FormerCustomerRow


class SqlCustomers:
    """Customers as seen from one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of(self, user_id: UserId) -> Customer | None:
        """Return the customer of a person."""
        row = await self._session.get(CustomerRow, user_id)
        return row.to_domain() if row else None

    async def owner(self, customer_id: CustomerId) -> UserId | None:
        """Return whose customer this is now."""
        named = (CustomerRow.provider == PROVIDER) & (CustomerRow.provider_customer_id == customer_id)
        found = await self._session.scalar(select(CustomerRow.user_id).where(named))
        return UserId(found) if found else None

    async def is_former(self, customer_id: CustomerId) -> bool:
        """Tell whether this was somebody's, was deleted, and has a successor."""
        return await self._session.get(FormerCustomerRow, (PROVIDER, customer_id)) is not None

    async def add_first(self, customer: Customer) -> Customer:
        """Keep the customer unless the person has one that is not deleted; return the one that stands."""
        fresh = insert(CustomerRow).values(
            user_id=customer.user_id,
            provider=PROVIDER,
            provider_customer_id=customer.id,
            created_at=customer.created_at,
        )
        await self._session.execute(fresh.on_conflict_do_nothing(index_elements=["user_id"]))
        row = await self._session.get_one(CustomerRow, customer.user_id, with_for_update=True, populate_existing=True)
        if row.deleted_at is not None and row.provider_customer_id != customer.id:
            await self._follow(row, row.deleted_at, customer)
        return row.to_domain()

    async def delete(self, customer_id: CustomerId, now: datetime) -> None:
        """Note that the provider has deleted it; the next purchase makes another."""
        theirs = (CustomerRow.provider == PROVIDER) & (CustomerRow.provider_customer_id == customer_id)
        await self._session.execute(
            update(CustomerRow).where(theirs, CustomerRow.deleted_at.is_(None)).values(deleted_at=now)
        )

    async def _follow(self, row: CustomerRow, deleted_at: datetime, successor: Customer) -> None:
        former = {"provider": PROVIDER, "provider_customer_id": row.provider_customer_id}
        await self._session.execute(
            insert(FormerCustomerRow).values(**former, user_id=row.user_id, deleted_at=deleted_at)
        )
        row.provider_customer_id, row.created_at = successor.id, successor.created_at
        row.generation, row.deleted_at = row.generation + 1, None
        await self._session.flush()


class SqlSubscriptions:
    """Subscriptions as seen from one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of(self, user_id: UserId) -> list[Subscription]:
        """Return all of a person's."""
        mine = select(SubscriptionRow).where(SubscriptionRow.user_id == user_id)
        rows = await self._session.scalars(mine.execution_options(populate_existing=True))
        return [row.to_domain() for row in rows]

    async def named(self, provider_ids: Sequence[str]) -> list[Subscription]:
        """Return those that are kept under these names."""
        named = select(SubscriptionRow).where(SubscriptionRow.provider_subscription_id.in_(provider_ids))
        return [row.to_domain() for row in await self._session.scalars(named)]

    async def search(
        self, wanted: SubscriptionSearch, limit: int, before: tuple[datetime, UUID] | None
    ) -> list[Subscription]:
        """Return anybody's, youngest first, behind a position."""
        page = select(SubscriptionRow)
        if wanted.status is not None:
            page = page.where(SubscriptionRow.provider_status == wanted.status.value)
        if wanted.plan_code is not None:
            page = page.where(SubscriptionRow.plan_code == wanted.plan_code)
        if before:
            page = page.where(tuple_(SubscriptionRow.created_at, SubscriptionRow.id) < _literal(before))
        ordered = page.order_by(SubscriptionRow.created_at.desc(), SubscriptionRow.id.desc()).limit(limit)
        return [row.to_domain() for row in await self._session.scalars(ordered)]

    async def live_between(self, low: datetime | None, high: datetime) -> list[tuple[str, CustomerId]]:
        """Return name and customer of those that live and were created after `low`, up to `high`."""
        live = (
            select(SubscriptionRow.provider_subscription_id, CustomerRow.provider_customer_id)
            .join(CustomerRow, CustomerRow.user_id == SubscriptionRow.user_id)
            .where(SubscriptionRow.provider_status.not_in(["canceled", "incomplete_expired"]))
            .where(SubscriptionRow.created_at <= high)
        )
        if low is not None:
            live = live.where(SubscriptionRow.created_at > low)
        return [(name, CustomerId(customer)) for name, customer in await self._session.execute(live)]

    async def put_all(self, subscriptions: Sequence[Subscription]) -> None:
        """Keep these, new or changed: the live one last, when the index that allows one live row has room for it."""
        for each in sorted(subscriptions, key=lambda each: each.terms.is_live and not each.is_superseded):
            fresh = insert(SubscriptionRow).values(**SubscriptionRow.values(each))
            await self._session.execute(_or_replace(fresh, SubscriptionRow))


class SqlInvoices:
    """Invoices as seen from one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(self, user_id: UserId, limit: int, before: tuple[datetime, UUID] | None) -> list[Invoice]:
        """Return a person's, youngest first, behind a position."""
        return await self._page(select(InvoiceRow).where(InvoiceRow.user_id == user_id), limit, before)

    async def search(self, wanted: InvoiceSearch, limit: int, before: tuple[datetime, UUID] | None) -> list[Invoice]:
        """Return anybody's, youngest first, behind a position."""
        page = select(InvoiceRow)
        if wanted.status is not None:
            page = page.where(InvoiceRow.status == wanted.status)
        if wanted.since is not None:
            page = page.where(InvoiceRow.created_at >= wanted.since)
        return await self._page(page, limit, before)

    async def _page(
        self, wanted: Select[InvoiceRow], limit: int, before: tuple[datetime, UUID] | None
    ) -> list[Invoice]:
        if before:
            wanted = wanted.where(tuple_(InvoiceRow.created_at, InvoiceRow.id) < _literal(before))
        page = wanted.order_by(InvoiceRow.created_at.desc(), InvoiceRow.id.desc()).limit(limit)
        return [row.to_domain() for row in await self._session.scalars(page)]

    async def named(self, provider_ids: Sequence[str]) -> list[Invoice]:
        """Return those that are kept under these names."""
        named = select(InvoiceRow).where(InvoiceRow.provider_invoice_id.in_(provider_ids))
        return [row.to_domain() for row in await self._session.scalars(named)]

    async def put_all(self, invoices: Sequence[Invoice]) -> None:
        """Keep these, new or changed."""
        if invoices:
            fresh = insert(InvoiceRow).values([InvoiceRow.values(each) for each in invoices])
            await self._session.execute(_or_replace(fresh, InvoiceRow))


class SqlCheckouts:
    """Checkout sessions as seen from one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, checkout_id: UUID) -> Checkout | None:
        """Return one."""
        return await self._one(CheckoutRow.id == checkout_id)

    async def unfinished(self, user_id: UserId) -> Checkout | None:
        """Return the one that is creating or open."""
        return await self._one((CheckoutRow.user_id == user_id) & CheckoutRow.state.in_(["creating", "open"]))

    async def put(self, checkout: Checkout) -> None:
        """Keep it, new or changed."""
        fresh = insert(CheckoutRow).values(**CheckoutRow.values(checkout))
        await self._session.execute(_or_replace(fresh, CheckoutRow))

    async def _one(self, condition: ColumnElement[bool]) -> Checkout | None:
        found = select(CheckoutRow, PriceRow).join(PriceRow, PriceRow.id == CheckoutRow.price_id).where(condition)
        row = (await self._session.execute(found.execution_options(populate_existing=True))).first()
        return row[0].to_domain(row[1].to_domain()) if row else None


def _literal(position: tuple[datetime, UUID]) -> Tuple:
    return tuple_(literal(position[0]), literal(position[1]))


def _or_replace(fresh: Insert, row: type[Row]) -> Insert:
    """Let a row that is there already take over every column but its id."""
    columns = [column.name for column in row.__table__.columns if column.name != "id"]
    return fresh.on_conflict_do_update(index_elements=["id"], set_={name: fresh.excluded[name] for name in columns})
