"""Invoices as the provider tells them: the history a person sees, and the facts about money that others hear."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from payment_service.domain.ids import UserId

InvoiceStatus = Literal["draft", "open", "paid", "uncollectible", "void"]


@dataclass(frozen=True, slots=True)
class InvoiceReading:
    """One invoice as read from the provider; amounts in minor units."""

    provider_id: str
    status: InvoiceStatus
    currency: str
    amount_due: int
    amount_paid: int
    created_at: datetime
    subscription_id: str | None = None
    number: str | None = None
    attempt_count: int = 0
    next_attempt_at: datetime | None = None
    hosted_url: str | None = None
    pdf_url: str | None = None
    period_start: datetime | None = None
    period_end: datetime | None = None
    finalized_at: datetime | None = None
    paid_at: datetime | None = None

    @property
    def is_paid(self) -> bool:
        """Whether money moved: an invoice over nothing is settled, not paid."""
        return self.status == "paid" and self.amount_paid > 0

    @property
    def failures(self) -> int:
        """How many attempts to collect it failed."""
        return self.attempt_count if self.status in {"open", "uncollectible"} else 0

    def is_unpaid_of(self, subscription_id: str) -> bool:
        """Tell whether it is a subscription's, was tried, and is still owed."""
        return self.subscription_id == subscription_id and self.failures > 0


@dataclass(frozen=True, slots=True)
class Invoice:
    """One invoice of one person."""

    id: UUID
    user_id: UserId
    reading: InvoiceReading
    read_at: datetime
    version: int = 1

    def reread(self, reading: InvoiceReading, read_at: datetime) -> "Invoice":
        """Take over what the provider says now. The version counts changes, not readings."""
        return replace(
            self, reading=reading, read_at=read_at, version=self.version + (0 if reading == self.reading else 1)
        )
