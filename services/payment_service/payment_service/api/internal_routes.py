"""What other services ask: the access gate, and billing for the admin view."""

from uuid import UUID

from fastapi import APIRouter, Depends, Response

from common_auth.callers import Callers
from common_service.conditional import CACHEABLE, IfNoneMatch
from common_service.problems import problem_response
from payment_service.api.access_answers import access_answer
from payment_service.api.billing_schemas import BillingView
from payment_service.api.schemas import AccessView
from payment_service.api.security import SERVICE, actor_header, refusing_services
from payment_service.api.use_cases import UseCases
from payment_service.domain.ids import UserId

_ACTING = "billing.read"


def internal_routes(use_cases: UseCases, callers: Callers, ttl_seconds: int) -> APIRouter:
    """Return the routes that only services reach."""
    router = APIRouter(prefix="/internal/v1", tags=["internal"], dependencies=[SERVICE])

    @router.get(
        "/access/{user_id:uuid}",  # not what stands beside it, such as batch
        response_model=AccessView,
        responses=refusing_services() | CACHEABLE | {404: problem_response(404, ["not_found"])},
        dependencies=[Depends(callers.service("payment/access"))],
    )
    async def read_access(user_id: UUID, if_none_match: IfNoneMatch = None) -> Response:
        """Read what somebody may do now; somebody unknown has the default plan."""
        return access_answer(await use_cases.read_access(UserId(user_id)), ttl_seconds, if_none_match)

    @router.get(
        "/billing/{user_id}",
        responses=refusing_services(),
        dependencies=[Depends(callers.service("payment/admin", acting=_ACTING))],
        openapi_extra=actor_header(_ACTING),
    )
    async def read_billing(user_id: UUID) -> BillingView:
        """Read customer, subscription, latest invoices and access of somebody, on behalf of an admin."""
        return BillingView.of(await use_cases.read_billing(UserId(user_id)), ttl_seconds)

    return router
