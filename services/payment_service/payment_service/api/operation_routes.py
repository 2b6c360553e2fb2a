"""What admin_service asks on behalf of somebody who looks after billing: the webhook inbox, and the reconciliation."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response

from common_auth.callers import Callers, ServiceCaller
from common_service.idempotency import IdempotencyInProgress, IdempotencyKey, IdempotencyKeyReused
from common_service.pagination import Cursor, Cursors, Limit, Page
from common_service.problems import BadCursor
from payment_service.api.keyed_answers import attempt_of, kept_answer
from payment_service.api.operation_schemas import (
    ReconcileRequest,
    Replayed,
    ReplayRequest,
    RunView,
    WebhookView,
)
from payment_service.api.positions import cursor_behind, named_place
from payment_service.api.security import SERVICE, actor_header, actor_of, refusing_services
from payment_service.api.use_cases import UseCases
from payment_service.application.sync_ports import InboxSearch, WebhookState
from payment_service.domain.errors import NoCustomer, RunNotFound, WebhookNotFound
from payment_service.domain.ids import UserId

CustomerName = Annotated[
    str | None,
    Query(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$", description="Stripe's id of a customer."),
]
EventId = Annotated[str, Path(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")]


_LIST = "webhooks"
_READ, _WRITE = "billing.read", "billing.write"


def operation_routes(use_cases: UseCases, callers: Callers, cursors: Cursors) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/internal/v1", tags=["operations"], dependencies=[SERVICE])
    _add_webhooks(router, use_cases, callers, cursors)
    _add_reconcile(router, use_cases, callers)
    return router


def _add_webhooks(router: APIRouter, use_cases: UseCases, callers: Callers, cursors: Cursors) -> None:
    writer = Depends(callers.service("payment/admin", acting=_WRITE))

    @router.get(
        "/webhooks",
        responses=refusing_services(BadCursor),
        dependencies=[Depends(callers.service("payment/admin", acting=_READ))],
        openapi_extra=actor_header(_READ),
    )
    async def list_webhooks(
        limit: Limit = 20, cursor: Cursor = None, state: WebhookState | None = None, customer: CustomerName = None
    ) -> Page[WebhookView]:
        """List webhooks, youngest first: what became of them and why, never what was in them."""
        found, more = await use_cases.read_webhooks(
            InboxSearch(state, customer), limit, named_place(cursors, _LIST, cursor)
        )
        behind = cursor_behind(cursors, _LIST, found[-1].received_at, found[-1].event_id) if more else None
        return Page(items=[WebhookView.of(each) for each in found], next_cursor=behind)

    @router.post("/webhooks/replay", status_code=202, responses=refusing_services(), openapi_extra=actor_header(_WRITE))
    async def replay_webhooks(body: ReplayRequest, caller: Annotated[ServiceCaller, writer]) -> Replayed:
        """Take in anew the oldest 500 that are in a state."""
        return Replayed(replayed=await use_cases.replay_webhooks.all_in(body.state, actor_of(caller)))

    @router.post(
        "/webhooks/{event_id}/replay",
        status_code=202,
        responses=refusing_services(WebhookNotFound),
        openapi_extra=actor_header(_WRITE),
    )
    async def replay_webhook(event_id: EventId, caller: Annotated[ServiceCaller, writer]) -> Replayed:
        """Take one in anew, in any state: what it causes converges."""
        await use_cases.replay_webhooks.one(event_id, actor_of(caller))
        return Replayed(replayed=1)


def _add_reconcile(router: APIRouter, use_cases: UseCases, callers: Callers) -> None:
    writer = Depends(callers.service("payment/admin", acting=_WRITE))

    @router.post(
        "/reconcile",
        status_code=202,
        response_model=RunView,
        responses=refusing_services(NoCustomer, IdempotencyKeyReused, IdempotencyInProgress),
        openapi_extra=actor_header(_WRITE),
    )
    async def reconcile(
        body: ReconcileRequest, caller: Annotated[ServiceCaller, writer], idempotency_key: IdempotencyKey
    ) -> Response:
        """Let one person, or everybody, be compared with Stripe and healed; under two keys it is done twice, safely."""
        attempt = attempt_of(caller, "POST /internal/v1/reconcile", idempotency_key, body)
        user_id = UserId(body.user_id) if body.user_id else None
        return kept_answer(await use_cases.request_reconcile(attempt, user_id), 202)

    @router.get(
        "/reconcile/{run_id}",
        responses=refusing_services(RunNotFound),
        dependencies=[Depends(callers.service("payment/admin", acting=_READ))],
        openapi_extra=actor_header(_READ),
    )
    async def read_reconcile(run_id: UUID) -> RunView:
        """Read how far a run is, and what differed."""
        return RunView.of(await use_cases.request_reconcile.read(run_id))
