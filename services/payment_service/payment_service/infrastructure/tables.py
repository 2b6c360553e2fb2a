"""All tables of this service in one metadata, for migrations and tests."""

from payment_service.infrastructure.access_rows import AccessRow, RecomputeRow
from payment_service.infrastructure.base import IDEMPOTENCY_KEYS, MESSAGING, Row
from payment_service.infrastructure.billing_rows import CheckoutRow, CustomerRow, InvoiceRow, SubscriptionRow
from payment_service.infrastructure.dunning_repository import NoticeRow
from payment_service.infrastructure.overlay_rows import GrantRow, OverrideRow
from payment_service.infrastructure.plan_rows import EntitlementRow, PlanRow, PriceRow
from payment_service.infrastructure.reversal_rows import FormerCustomerRow, ReversalRow, RunRow
from payment_service.infrastructure.standing_repository import StandingRow
from payment_service.infrastructure.webhook_rows import SyncRow, WebhookRow

__all__ = [
    "IDEMPOTENCY_KEYS",
    "MESSAGING",
    "AccessRow",
    "CheckoutRow",
    "CustomerRow",
    "EntitlementRow",
    "FormerCustomerRow",
    "GrantRow",
    "InvoiceRow",
    "NoticeRow",
    "OverrideRow",
    "PlanRow",
    "PriceRow",
    "RecomputeRow",
    "ReversalRow",
    "Row",
    "RunRow",
    "StandingRow",
    "SubscriptionRow",
    "SyncRow",
    "WebhookRow",
]
