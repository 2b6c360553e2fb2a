"""What people do: choose a plan, pay on the provider's page, see what they have."""

import hashlib
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Response

from common_auth.callers import Callers, Person
from common_service.conditional import CACHEABLE, IfNoneMatch, conditional
from common_service.pagination import Cursor, Cursors, Limit, Page
from common_service.problems import BadCursor, RateLimited
from common_service.rate_limit import RateLimits, limited
from payment_service.api.access_answers import access_answer
from payment_service.api.checkout_routes import checkout_routes
from payment_service.api.positions import cursor_behind, place
from payment_service.api.problems import FACES
from payment_service.api.promo_routes import promo_routes
from payment_service.api.schemas import AccessView, InvoiceView, PlanList, PlanView, SubscriptionView
from payment_service.api.security import SIGNED_IN, refusing
from payment_service.api.use_cases import UseCases
from payment_service.domain.errors import NoSubscription
from payment_service.domain.ids import UserId

_PLANS_LIFE = "public, max-age=300"

_INVOICES = "invoices"


def public_routes(
    use_cases: UseCases, callers: Callers, cursors: Cursors, limits: RateLimits, ttl_seconds: int
) -> APIRouter:
    """Return everything under `/payment/v1`."""
    router = APIRouter(prefix="/payment/v1")
    _add_plans(router, use_cases, limits)
    router.include_router(_me_routes(use_cases, callers, cursors, ttl_seconds))
    router.include_router(checkout_routes(use_cases, callers, limits))
    router.include_router(promo_routes(use_cases, callers, limits))
    return router


def _add_plans(router: APIRouter, use_cases: UseCases, limits: RateLimits) -> None:
    may = limits.per_address("payment.list_plans_address")
    answers = limited(CACHEABLE | FACES.responses(RateLimited), 200, 304)

    @router.get("/plans", dependencies=[may], response_model=PlanList, responses=answers, tags=["plans"])
    async def list_plans(if_none_match: IfNoneMatch = None) -> Response:
        """List what may be bought, with prices and features. No token is needed."""
        document = {"items": [PlanView.document(plan) for plan in await use_cases.list_plans()]}
        tag = hashlib.sha256(orjson.dumps(document)).hexdigest()[:16]
        return conditional(document, tag, if_none_match, _PLANS_LIFE)


def _me_routes(use_cases: UseCases, callers: Callers, cursors: Cursors, ttl_seconds: int) -> APIRouter:
    router = APIRouter(prefix="/me", tags=["me"], dependencies=[SIGNED_IN])
    signed_in = Depends(callers.reader)

    @router.get("/access", response_model=AccessView, responses=refusing() | CACHEABLE)
    async def read_my_access(reader: Annotated[Person, signed_in], if_none_match: IfNoneMatch = None) -> Response:
        """Read what the caller may do now."""
        version = await use_cases.read_access(UserId(reader.user_id))
        return access_answer(version, ttl_seconds, if_none_match)

    @router.get("/subscription", responses=refusing(NoSubscription))
    async def read_my_subscription(reader: Annotated[Person, signed_in]) -> SubscriptionView:
        """Read the caller's subscription, also one that has ended."""
        return SubscriptionView.of_picture(await use_cases.read_picture(UserId(reader.user_id)))

    @router.get("/invoices", responses=refusing(BadCursor))
    async def list_my_invoices(
        reader: Annotated[Person, signed_in], limit: Limit = 20, cursor: Cursor = None
    ) -> Page[InvoiceView]:
        """List the caller's invoices, youngest first."""
        found, more = await use_cases.read_invoices(UserId(reader.user_id), limit, place(cursors, _INVOICES, cursor))
        behind = cursor_behind(cursors, _INVOICES, found[-1].reading.created_at, found[-1].id) if more else None
        return Page(items=[InvoiceView.of(invoice) for invoice in found], next_cursor=behind)

    return router
