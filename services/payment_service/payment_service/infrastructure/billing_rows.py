"""Rows of what people bought: customers, subscriptions, invoices, checkouts. `values` and `to_domain` translate."""

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CHAR, CheckConstraint, ForeignKey, Index, Integer, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.application.ports import Customer
from payment_service.domain.checkout import Checkout, CheckoutState
from payment_service.domain.ids import CustomerId, UserId
from payment_service.domain.invoice import Invoice, InvoiceReading, InvoiceStatus
from payment_service.domain.plans import Price
from payment_service.domain.subscription import ProviderStatus, Subscription, Terms
from payment_service.infrastructure.base import PROVIDER, Row
from payment_service.infrastructure.plan_rows import one_of

_STATUSES = ",".join(f"'{status.value}'" for status in ProviderStatus)
LIVE = "provider_status NOT IN ('canceled','incomplete_expired') AND NOT superseded"
UNFINISHED = "state IN ('creating','open')"


class CustomerRow(Row):
    """Which customer a person is."""

    __tablename__ = "customers"
    __table_args__ = (UniqueConstraint("provider", "provider_customer_id"),)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(server_default=text("'stripe'"))
    provider_customer_id: Mapped[str]
    created_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]
    generation: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    deleted_at: Mapped[datetime | None]

    def to_domain(self) -> Customer:
        """Return the customer."""
        customer_id = CustomerId(self.provider_customer_id)
        return Customer(UserId(self.user_id), customer_id, self.created_at, self.generation, self.deleted_at)


class SubscriptionRow(Row):
    """A subscription as read at `provider_object_at`."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        UniqueConstraint("provider", "provider_subscription_id"),
        CheckConstraint(f"provider_status IN ({_STATUSES})", name="status_known"),
        CheckConstraint("(provider_status = 'past_due') <= (past_due_since IS NOT NULL)", name="past_due_has_start"),
        Index("uq_subscriptions_one_live", "user_id", unique=True, postgresql_where=text(LIVE)),
        Index("ix_subscriptions_user_id", "user_id"),
        Index("ix_subscriptions_created_at", "created_at"),
        Index("ix_subscriptions_grace_until", "grace_until", postgresql_where=text("provider_status = 'past_due'")),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    provider: Mapped[str] = mapped_column(server_default=text("'stripe'"))
    provider_subscription_id: Mapped[str]
    plan_code: Mapped[str] = mapped_column(ForeignKey("payment.plans.code"))
    provider_status: Mapped[str]
    current_period_start: Mapped[datetime | None]
    current_period_end: Mapped[datetime | None]
    trial_end: Mapped[datetime | None]
    cancel_at_period_end: Mapped[bool] = mapped_column(server_default=text("false"))
    cancel_at: Mapped[datetime | None]
    canceled_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    past_due_since: Mapped[datetime | None]
    grace_until: Mapped[datetime | None]
    latest_invoice_id: Mapped[str | None]
    interval: Mapped[str | None]
    pending_price_id: Mapped[str | None]
    pending_at: Mapped[datetime | None]
    schedule_id: Mapped[str | None]
    superseded: Mapped[bool] = mapped_column(server_default=text("false"))
    provider_object_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime]

    @staticmethod
    def values(subscription: Subscription) -> dict[str, Any]:
        """Return the columns of a subscription."""
        terms = subscription.terms
        return {
            "id": subscription.id,
            "user_id": subscription.user_id,
            "provider": PROVIDER,
            "provider_subscription_id": terms.provider_id,
            "plan_code": subscription.plan_code,
            "provider_status": terms.status.value,
            "current_period_start": terms.period_start,
            "current_period_end": terms.period_end,
            "trial_end": terms.trial_end,
            "cancel_at_period_end": terms.cancel_at_period_end,
            "cancel_at": terms.cancel_at,
            "canceled_at": terms.canceled_at,
            "ended_at": terms.ended_at,
            "past_due_since": subscription.past_due_since,
            "grace_until": subscription.grace_until,
            "latest_invoice_id": terms.latest_invoice_id,
            "interval": terms.interval,
            "pending_price_id": terms.pending_price_id,
            "pending_at": terms.pending_at,
            "schedule_id": terms.schedule_id,
            "superseded": subscription.is_superseded,
            "provider_object_at": subscription.read_at,
            "version": subscription.version,
            "created_at": terms.created_at,
        }

    def to_domain(self) -> Subscription:
        """Return the subscription."""
        terms = Terms(
            provider_id=self.provider_subscription_id,
            status=ProviderStatus(self.provider_status),
            created_at=self.created_at,
            period_start=self.current_period_start,
            period_end=self.current_period_end,
            trial_end=self.trial_end,
            cancel_at_period_end=self.cancel_at_period_end,
            cancel_at=self.cancel_at,
            canceled_at=self.canceled_at,
            ended_at=self.ended_at,
            latest_invoice_id=self.latest_invoice_id,
            interval=self.interval,
            pending_price_id=self.pending_price_id,
            pending_at=self.pending_at,
            schedule_id=self.schedule_id,
        )
        return Subscription(
            id=self.id,
            user_id=UserId(self.user_id),
            plan_code=self.plan_code,
            terms=terms,
            read_at=self.provider_object_at,
            past_due_since=self.past_due_since,
            grace_until=self.grace_until,
            is_superseded=self.superseded,
            version=self.version,
        )


class InvoiceRow(Row):
    """An invoice as read at `provider_object_at`."""

    __tablename__ = "invoices"
    __table_args__ = (
        UniqueConstraint("provider_invoice_id"),
        CheckConstraint(one_of("status", InvoiceStatus), name="status_known"),
        Index("ix_invoices_created_at_id", text("created_at DESC"), text("id DESC")),
        Index("ix_invoices_user_id_created_at_id", "user_id", text("created_at DESC"), text("id DESC")),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    provider_invoice_id: Mapped[str]
    provider_subscription_id: Mapped[str | None]
    number: Mapped[str | None]
    status: Mapped[str]
    currency: Mapped[str] = mapped_column(CHAR(3))
    amount_due: Mapped[int]
    amount_paid: Mapped[int]
    attempt_count: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    next_attempt_at: Mapped[datetime | None]
    hosted_url: Mapped[str | None]
    pdf_url: Mapped[str | None]
    period_start: Mapped[datetime | None]
    period_end: Mapped[datetime | None]
    finalized_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    provider_object_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime]

    @staticmethod
    def values(invoice: Invoice) -> dict[str, Any]:
        """Return the columns of an invoice."""
        reading = invoice.reading
        return {
            "id": invoice.id,
            "user_id": invoice.user_id,
            "provider_invoice_id": reading.provider_id,
            "provider_subscription_id": reading.subscription_id,
            "provider_object_at": invoice.read_at,
            "version": invoice.version,
            **{name: getattr(reading, name) for name in _SAME_NAMES},
        }

    def to_domain(self) -> Invoice:
        """Return the invoice."""
        same = {name: getattr(self, name) for name in _SAME_NAMES}
        reading = InvoiceReading(
            provider_id=self.provider_invoice_id,
            subscription_id=self.provider_subscription_id,
            **(same | {"status": cast("InvoiceStatus", self.status)}),
        )
        return Invoice(self.id, UserId(self.user_id), reading, self.provider_object_at, self.version)


_SAME_NAMES = (
    "status",
    "currency",
    "amount_due",
    "amount_paid",
    "created_at",
    "number",
    "attempt_count",
    "next_attempt_at",
    "hosted_url",
    "pdf_url",
    "period_start",
    "period_end",
    "finalized_at",
    "paid_at",
)


_CHECKOUT_NAMES = (
    *("id", "user_id", "return_path", "request_key", "state", "url"),
    *("expires_at", "created_at", "promo_code", "trial_days"),
)


class CheckoutRow(Row):
    """A visit to the payment page; at most one of a person is unfinished."""

    __tablename__ = "checkout_sessions"
    __table_args__ = (
        UniqueConstraint("provider_session_id"),
        CheckConstraint(one_of("state", CheckoutState), name="state_known"),
        CheckConstraint(
            "state <> 'open' OR (provider_session_id IS NOT NULL AND url IS NOT NULL)", name="open_has_page"
        ),
        Index("uq_checkout_sessions_one_unfinished", "user_id", unique=True, postgresql_where=text(UNFINISHED)),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    provider_session_id: Mapped[str | None]
    plan_code: Mapped[str] = mapped_column(ForeignKey("payment.plans.code"))
    price_id: Mapped[UUID] = mapped_column(ForeignKey("payment.plan_prices.id"))
    return_path: Mapped[str]
    request_key: Mapped[str]
    state: Mapped[str]
    url: Mapped[str | None]
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime]
    promo_code: Mapped[str | None]
    trial_days: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))

    @staticmethod
    def values(checkout: Checkout) -> dict[str, Any]:
        """Return the columns of a checkout."""
        return {name: getattr(checkout, name) for name in _CHECKOUT_NAMES} | {
            "provider_session_id": checkout.provider_id,
            "plan_code": checkout.price.plan_code,
            "price_id": checkout.price.id,
        }

    def to_domain(self, price: Price) -> Checkout:
        """Return the checkout; its price comes from a row of its own."""
        return Checkout(
            id=self.id,
            user_id=UserId(self.user_id),
            price=price,
            return_path=self.return_path,
            request_key=self.request_key,
            created_at=self.created_at,
            expires_at=self.expires_at,
            state=cast("CheckoutState", self.state),
            provider_id=self.provider_session_id,
            url=self.url,
            promo_code=self.promo_code,
            trial_days=self.trial_days,
        )
