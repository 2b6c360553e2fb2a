"""What an admin sees of somebody's billing."""

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel

from payment_service.api.overlay_schemas import GrantView, OverrideView
from payment_service.api.schemas import AccessView, InvoiceView, SubscriptionView
from payment_service.application.ports import Customer
from payment_service.application.read_billing import Billing


class CustomerView(BaseModel):
    """Which customer a person is at the payment provider."""

    provider: Literal["stripe"] = "stripe"
    id: str
    created_at: datetime

    @classmethod
    def of(cls, customer: Customer) -> Self:
        """Return what may be shown."""
        return cls(id=customer.id, created_at=customer.created_at)


class BillingView(BaseModel):
    """Everything an admin sees of a person's billing; the latest invoices, overrides and grants only."""

    user_id: UUID
    customer: CustomerView | None
    subscription: SubscriptionView | None
    invoices: list[InvoiceView]
    access: AccessView
    overrides: list[OverrideView]
    grants: list[GrantView]

    @classmethod
    def of(cls, billing: Billing, ttl_seconds: int) -> Self:
        """Return what may be shown."""
        return cls(
            user_id=billing.access.user_id,
            customer=CustomerView.of(billing.customer) if billing.customer else None,
            subscription=SubscriptionView.of_picture(billing.picture) if billing.picture else None,
            invoices=[InvoiceView.of(invoice) for invoice in billing.invoices],
            access=AccessView.model_validate(billing.access.document(ttl_seconds)),
            overrides=[OverrideView.model_validate(each.document()) for each in billing.overrides],
            grants=[GrantView.model_validate(each.record()) for each in billing.grants],
        )
