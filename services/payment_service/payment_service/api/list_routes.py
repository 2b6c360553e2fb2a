"""Everybody's subscriptions and invoices, page by page, for admin_service on behalf of an admin."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from common_auth.callers import Callers
from common_service.instants import Instant
from common_service.pagination import Cursor, Cursors, Limit, Page
from common_service.problems import BadCursor
from payment_service.api.positions import cursor_behind, place
from payment_service.api.schemas import InvoiceView
from payment_service.api.security import SERVICE, actor_header, refusing_services
from payment_service.api.use_cases import UseCases
from payment_service.application.ports import InvoiceSearch, SubscriptionSearch
from payment_service.domain.invoice import Invoice, InvoiceStatus
from payment_service.domain.subscription import ProviderStatus, Subscription

_ACTING = "billing.read"
_SUBSCRIPTIONS, _INVOICES = "subscriptions", "all invoices"
PlanCode = Annotated[str | None, Query(pattern="^[a-z0-9_]{2,32}$")]


class SubscriptionItem(BaseModel):
    """Somebody's subscription; `superseded` where they have another one that counts."""

    user_id: UUID
    id: str
    plan_code: str
    status: ProviderStatus
    period_start: datetime | None
    period_end: datetime | None
    trial_end: datetime | None
    cancel_at_period_end: bool
    cancel_at: datetime | None
    ended_at: datetime | None
    past_due_since: datetime | None
    grace_until: datetime | None
    superseded: bool
    created_at: datetime

    @classmethod
    def of(cls, subscription: Subscription) -> Self:
        """Show a subscription."""
        terms = subscription.terms
        return cls(
            user_id=subscription.user_id,
            id=terms.provider_id,
            plan_code=subscription.plan_code,
            status=terms.status,
            period_start=terms.period_start,
            period_end=terms.period_end,
            trial_end=terms.trial_end,
            cancel_at_period_end=terms.cancel_at_period_end,
            cancel_at=terms.cancel_at,
            ended_at=terms.ended_at,
            past_due_since=subscription.past_due_since,
            grace_until=subscription.grace_until,
            superseded=subscription.is_superseded,
            created_at=terms.created_at,
        )


class InvoiceItem(BaseModel):
    """Somebody's invoice."""

    user_id: UUID
    invoice: InvoiceView

    @classmethod
    def of(cls, invoice: Invoice) -> Self:
        """Show an invoice."""
        return cls(user_id=invoice.user_id, invoice=InvoiceView.of(invoice))


def list_routes(use_cases: UseCases, callers: Callers, cursors: Cursors) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/internal/v1", tags=["internal"], dependencies=[SERVICE])
    reads = [Depends(callers.service("payment/admin", acting=_ACTING))]

    @router.get(
        "/subscriptions",
        responses=refusing_services(BadCursor),
        dependencies=reads,
        openapi_extra=actor_header(_ACTING),
    )
    async def list_subscriptions(
        limit: Limit = 20, cursor: Cursor = None, state: ProviderStatus | None = None, plan: PlanCode = None
    ) -> Page[SubscriptionItem]:
        """List subscriptions, the youngest first; ended ones are among them."""
        behind = place(cursors, _SUBSCRIPTIONS, cursor)
        found, more = await use_cases.list_subscriptions(SubscriptionSearch(state, plan), limit, behind)
        last = found[-1] if more else None
        following = last and cursor_behind(cursors, _SUBSCRIPTIONS, last.terms.created_at, last.id)
        return Page(items=[SubscriptionItem.of(each) for each in found], next_cursor=following)

    @router.get(
        "/invoices", responses=refusing_services(BadCursor), dependencies=reads, openapi_extra=actor_header(_ACTING)
    )
    async def list_invoices(
        limit: Limit = 20,
        cursor: Cursor = None,
        status: InvoiceStatus | None = None,
        since: Annotated[Instant | None, Query(alias="from", description="Created then or later.")] = None,
    ) -> Page[InvoiceItem]:
        """List invoices, the youngest first."""
        behind = place(cursors, _INVOICES, cursor)
        found, more = await use_cases.list_invoices(InvoiceSearch(status, since), limit, behind)
        last = found[-1] if more else None
        following = last and cursor_behind(cursors, _INVOICES, last.reading.created_at, last.id)
        return Page(items=[InvoiceItem.of(each) for each in found], next_cursor=following)

    return router
