"""What people do with a subscription that runs: change it, end it, resume it."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Query, Response, params

from common_auth.callers import Callers, Person
from common_service.idempotency import IdempotencyInProgress, IdempotencyKey, IdempotencyKeyReused, request_hash
from common_service.problems import RateLimited
from common_service.rate_limit import RateLimits, limited
from payment_service.api.schemas import PlanCode
from payment_service.api.security import SIGNED_IN, refusing
from payment_service.api.subscription_schemas import (
    CancelBody,
    ChangeBody,
    ChangeView,
    EndView,
    PreviewView,
    ResumedView,
    WithdrawnView,
)
from payment_service.api.use_cases import UseCases
from payment_service.application.change_subscription import ChangeWish
from payment_service.application.open_checkout import Opened
from payment_service.application.ports import Attempt
from payment_service.domain.change_errors import (
    ChangePending,
    NoChangePending,
    NoLiveSubscription,
    NotCancelling,
    PaymentActionRequired,
    PaymentIncomplete,
    PaymentOverdue,
    ProrationStale,
    SamePlan,
    SubscriptionEnding,
    SubscriptionInactive,
)
from payment_service.domain.errors import PlanUnknown, PricesNotLoaded, ProviderRefused, ProviderUnavailable
from payment_service.domain.ids import UserId
from payment_service.domain.plans import Interval

_PROVIDER = (NoLiveSubscription, ProviderUnavailable, ProviderRefused, RateLimited)
_KEYED = (*_PROVIDER, IdempotencyKeyReused, IdempotencyInProgress)
_IN_THE_WAY = (
    *(PlanUnknown, PricesNotLoaded, SamePlan, ChangePending, SubscriptionEnding),
    *(SubscriptionInactive, PaymentIncomplete, PaymentOverdue),
)
_BASE = "/payment/v1/me/subscription"


def subscription_routes(use_cases: UseCases, callers: Callers, limits: RateLimits) -> APIRouter:
    """Return the routes below `/payment/v1/me/subscription`."""
    router = APIRouter(prefix=_BASE, tags=["subscription"], dependencies=[SIGNED_IN])
    _add_changing(router, use_cases, callers, limits)
    _add_ending(router, use_cases, callers, limits)
    return router


def _add_changing(router: APIRouter, use_cases: UseCases, callers: Callers, limits: RateLimits) -> None:
    signed_in = Depends(callers.reader)

    def at_most(rule: str) -> params.Depends:
        return limits.per_user(f"payment.{rule}", callers.reader)

    @router.get(
        "/change-preview",
        dependencies=[at_most("preview_change")],
        responses=limited(refusing(*_IN_THE_WAY, *_PROVIDER), 200),
    )
    async def preview_change(
        reader: Annotated[Person, signed_in], plan_code: Annotated[PlanCode, Query()], interval: Interval = "month"
    ) -> PreviewView:
        """See what another plan or interval would cost, and when it would come."""
        preview = await use_cases.preview_change(UserId(reader.user_id), ChangeWish(plan_code, interval))
        return PreviewView.of(preview)

    @router.post(
        "/change",
        dependencies=[at_most("change_subscription")],
        response_model=ChangeView,
        responses=limited(refusing(*_IN_THE_WAY, ProrationStale, PaymentActionRequired, *_KEYED), 200),
    )
    async def change_subscription(
        reader: Annotated[Person, signed_in], body: ChangeBody, idempotency_key: IdempotencyKey
    ) -> Response:
        """Change plan or interval: more at once, less at the end of the period."""
        attempt = _attempt(reader, "POST", "/change", idempotency_key, body.model_dump())
        return _answer(await use_cases.change_plan(attempt, body.wish()))

    @router.delete(
        "/change",
        dependencies=[at_most("withdraw_change")],
        response_model=WithdrawnView,
        responses=limited(refusing(NoChangePending, *_KEYED), 200),
    )
    async def withdraw_change(reader: Annotated[Person, signed_in], idempotency_key: IdempotencyKey) -> Response:
        """Take back a change that has not come yet: planned for later, or waiting for its payment."""
        return _answer(await use_cases.withdraw_change(_attempt(reader, "DELETE", "/change", idempotency_key, {})))


def _add_ending(router: APIRouter, use_cases: UseCases, callers: Callers, limits: RateLimits) -> None:
    signed_in = Depends(callers.reader)

    def at_most(rule: str) -> params.Depends:
        return limits.per_user(f"payment.{rule}", callers.reader)

    @router.post(
        "/cancel",
        dependencies=[at_most("cancel_subscription")],
        response_model=EndView,
        responses=limited(refusing(*_KEYED), 200),
    )
    async def cancel_subscription(
        reader: Annotated[Person, signed_in], idempotency_key: IdempotencyKey, body: CancelBody
    ) -> Response:
        """End the subscription with the period that is paid for; at once where nothing was paid yet."""
        attempt = _attempt(reader, "POST", "/cancel", idempotency_key, body.model_dump())
        return _answer(await use_cases.cancel_subscription(attempt, body.reason))

    @router.post(
        "/resume",
        dependencies=[at_most("resume_subscription")],
        response_model=ResumedView,
        responses=limited(refusing(NotCancelling, *_KEYED), 200),
    )
    async def resume_subscription(reader: Annotated[Person, signed_in], idempotency_key: IdempotencyKey) -> Response:
        """Let a subscription go on that was to end."""
        return _answer(await use_cases.resume_subscription(_attempt(reader, "POST", "/resume", idempotency_key, {})))


def _attempt(reader: Person, method: str, path: str, key: str, content: object) -> Attempt:
    return Attempt(UserId(reader.user_id), f"{method} {_BASE}{path}", key, request_hash(content))


def _answer(opened: Opened) -> Response:
    headers = {"Idempotent-Replayed": "true"} if opened.is_replay else {}
    return Response(orjson.dumps(dict(opened.answer.body)), 200, headers, "application/json")
