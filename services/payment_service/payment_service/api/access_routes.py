"""What other services ask about access, and what admins change of it through admin_service."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Response

from common_auth.callers import Callers, ServiceCaller
from common_service.idempotency import IdempotencyInProgress, IdempotencyKey, IdempotencyKeyReused
from common_service.instants import Instant
from common_service.pagination import Cursor, Cursors, Limit, Page
from common_service.problems import BadCursor
from payment_service.api.keyed_answers import attempt_of, kept_answer
from payment_service.api.overlay_schemas import (
    BatchBody,
    BatchView,
    GrantBody,
    GrantView,
    OverrideBody,
    OverrideView,
    PastAccessView,
    Reason,
)
from payment_service.api.security import SERVICE, actor_header, actor_of, refusing_services
from payment_service.api.use_cases import UseCases
from payment_service.application.access_ports import Span
from payment_service.application.change_grants import GrantWish
from payment_service.application.change_overrides import OverrideWish
from payment_service.domain.errors import (
    AlreadyGranted,
    AlreadyRevoked,
    AlreadyVoided,
    ExpiryInPast,
    ExpiryRequired,
    ExpiryTooFar,
    FeatureUnknown,
    GrantNotFound,
    HistoryNotYet,
    MeterUnknown,
    OverrideNotFound,
    OverrideUnfit,
)
from payment_service.domain.ids import UserId

READS, WRITES = "billing.read", "entitlements.write"
_EXPIRY = (ExpiryRequired, ExpiryInPast, ExpiryTooFar, IdempotencyKeyReused, IdempotencyInProgress)


def access_routes(use_cases: UseCases, callers: Callers, cursors: Cursors, ttl_seconds: int) -> APIRouter:
    """Return the routes about access that only services reach."""
    router = APIRouter(prefix="/internal/v1", tags=["internal"], dependencies=[SERVICE])
    _add_reading(router, use_cases, callers, cursors, ttl_seconds)
    _add_overrides(router, use_cases, callers)
    _add_grants(router, use_cases, callers)
    return router


def _add_reading(router: APIRouter, use_cases: UseCases, callers: Callers, cursors: Cursors, ttl_seconds: int) -> None:
    @router.post(
        "/access/batch",
        response_model=BatchView,
        responses=refusing_services(),
        dependencies=[Depends(callers.service("payment/access"))],
    )
    async def read_access_batch(body: BatchBody) -> Response:
        """Read what up to 100 people may do now."""
        versions = await use_cases.read_access.many([UserId(user_id) for user_id in body.user_ids])
        items = [version.document(ttl_seconds) for version in versions]
        return Response(orjson.dumps({"items": items}), media_type="application/json")

    @router.get(
        "/access/{user_id}/history",
        responses=refusing_services(BadCursor, HistoryNotYet),
        dependencies=[Depends(callers.service("payment/admin", acting=READS))],
        openapi_extra=actor_header(READS),
    )
    async def read_access_history(
        user_id: UUID,
        limit: Limit = 20,
        cursor: Cursor = None,
        at: Annotated[Instant | None, Query(description="Only the version in force at this instant.")] = None,
        start: Annotated[Instant | None, Query(alias="from", description="Included.")] = None,
        end: Annotated[Instant | None, Query(alias="to", description="Excluded.")] = None,
    ) -> Page[PastAccessView]:
        """Read what somebody could do then, and what caused it; youngest first."""
        if at is not None:
            past = await use_cases.read_history.at(UserId(user_id), at)
            return Page(items=[PastAccessView.of(past, ttl_seconds)])
        name = f"access-history:{user_id}"
        position = cursors.read(cursor, of=name)
        span = Span(start, end, position["version"] if position else None)
        found, more = await use_cases.read_history.page(UserId(user_id), span, limit)
        behind = cursors.make({"version": found[-1].version.version}, of=name) if more else None
        return Page(items=[PastAccessView.of(each, ttl_seconds) for each in found], next_cursor=behind)


def _add_overrides(router: APIRouter, use_cases: UseCases, callers: Callers) -> None:
    admin = Depends(callers.service("payment/admin", acting=WRITES))

    @router.post(
        "/users/{user_id}/overrides",
        status_code=201,
        response_model=OverrideView,
        responses=refusing_services(FeatureUnknown, OverrideUnfit, *_EXPIRY),
        openapi_extra=actor_header(WRITES),
    )
    async def add_override(
        user_id: UUID, caller: Annotated[ServiceCaller, admin], body: OverrideBody, idempotency_key: IdempotencyKey
    ) -> Response:
        """Allow, deny or limit something for somebody for a while; a deny always wins."""
        attempt = attempt_of(caller, f"POST /internal/v1/users/{user_id}/overrides", idempotency_key, body)
        wish = OverrideWish(
            UserId(user_id), body.effect, body.feature, body.limit_value, body.starts_at, body.expires_at, body.reason
        )
        return kept_answer(await use_cases.add_override(attempt, wish), 201)

    @router.delete(
        "/overrides/{override_id}",
        responses=refusing_services(OverrideNotFound, AlreadyRevoked),
        openapi_extra=actor_header(WRITES),
    )
    async def revoke_override(
        override_id: UUID, caller: Annotated[ServiceCaller, admin], reason: Annotated[Reason, Query()]
    ) -> OverrideView:
        """End an override before its time."""
        revoked = await use_cases.revoke_override(override_id, actor_of(caller), reason)
        return OverrideView.model_validate(revoked.document())


def _add_grants(router: APIRouter, use_cases: UseCases, callers: Callers) -> None:
    admin = Depends(callers.service("payment/admin", acting=WRITES))

    @router.post(
        "/users/{user_id}/grants",
        status_code=201,
        response_model=GrantView,
        responses=refusing_services(MeterUnknown, AlreadyGranted, *_EXPIRY),
        openapi_extra=actor_header(WRITES),
    )
    async def add_grant(
        user_id: UUID, caller: Annotated[ServiceCaller, admin], body: GrantBody, idempotency_key: IdempotencyKey
    ) -> Response:
        """Give somebody units on top of the plan."""
        attempt = attempt_of(caller, f"POST /internal/v1/users/{user_id}/grants", idempotency_key, body)
        wish = GrantWish(
            user_id=UserId(user_id),
            meter=body.meter,
            amount=body.amount,
            priority=body.priority,
            effective_at=body.effective_at,
            expires_at=body.expires_at,
            source=body.source,
            source_ref=body.source_ref,
        )
        return kept_answer(await use_cases.add_grant(attempt, wish), 201)

    @router.delete(
        "/grants/{grant_id}",
        responses=refusing_services(GrantNotFound, AlreadyVoided),
        openapi_extra=actor_header(WRITES),
    )
    async def void_grant(
        grant_id: UUID, caller: Annotated[ServiceCaller, admin], reason: Annotated[Reason, Query()]
    ) -> GrantView:
        """Take back what is left of a grant."""
        return GrantView.model_validate((await use_cases.void_grant(grant_id, actor_of(caller), reason)).record())
