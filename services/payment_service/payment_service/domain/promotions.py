"""Promotion codes: what one is worth, and whether somebody may use it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from payment_service.domain.errors import CodeInvalid
from payment_service.domain.ids import CustomerId

Duration = Literal["once", "repeating", "forever"]


@dataclass(frozen=True, slots=True)
class Discount:
    """What a code takes off: hundredths of a percent, or an amount in minor units; for how many bills `duration` says.

    It needs a bill of `minimum_amount` at least, where that is given.
    """

    duration: Duration
    percent_basis_points: int | None = None
    amount_off: int | None = None
    currency: str | None = None
    duration_in_months: int | None = None
    minimum_amount: int | None = None
    minimum_currency: str | None = None


@dataclass(frozen=True, slots=True)
class Promotion:
    """A code as the provider has it. With a `customer_id` it is that customer's alone."""

    provider_id: str
    code: str
    discount: Discount
    is_active: bool = True
    expires_at: datetime | None = None
    customer_id: CustomerId | None = None
    is_for_first_payment: bool = False

    def check(self, customer_id: CustomerId | None, now: datetime, *, has_paid: bool) -> None:
        """Raise CodeInvalid unless this customer, None for nobody yet, may use it now."""
        is_over = not self.is_active or (self.expires_at is not None and self.expires_at <= now)
        is_anothers = self.customer_id is not None and self.customer_id != customer_id
        if is_over or is_anothers or (self.is_for_first_payment and has_paid):
            raise CodeInvalid
