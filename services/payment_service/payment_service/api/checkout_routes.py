"""The two doors to the provider's pages: checkout and portal."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Request, Response

from common_auth.callers import Callers, Person
from common_service.idempotency import (
    IdempotencyInProgress,
    IdempotencyKey,
    IdempotencyKeyReused,
    request_hash,
)
from common_service.problems import RateLimited
from common_service.rate_limit import RateLimits, limited
from payment_service.api.promo_routes import GUESSES
from payment_service.api.schemas import CheckoutBody, CheckoutOpened, CheckoutView, PortalBody, PortalOpened
from payment_service.api.security import SIGNED_IN, refusing
from payment_service.api.use_cases import UseCases
from payment_service.application.open_checkout import Opened, Wish
from payment_service.application.ports import Attempt
from payment_service.domain.errors import (
    AccountSuspended,
    AlreadySubscribed,
    CheckoutNotFound,
    CheckoutOpen,
    CodeInvalid,
    NoCustomer,
    PlanUnknown,
    PricesNotLoaded,
    ProviderRefused,
    ProviderUnavailable,
    ReturnPathNotAllowed,
)
from payment_service.domain.ids import UserId

_UNSOLD = (AccountSuspended, AlreadySubscribed, CodeInvalid, PlanUnknown)
_PROVIDER = (
    *(ProviderUnavailable, ProviderRefused, ReturnPathNotAllowed),
    *(IdempotencyKeyReused, IdempotencyInProgress, RateLimited),
)


def checkout_routes(use_cases: UseCases, callers: Callers, limits: RateLimits) -> APIRouter:
    """Return the routes that lead out of the house, and the one to ask how it went."""
    router = APIRouter(tags=["checkout"], dependencies=[SIGNED_IN])
    signed_in = Depends(callers.reader)
    count_guess = limits.per_user(GUESSES, callers.reader).dependency
    assert count_guess is not None, "a limit is a dependency"

    @router.post(
        "/checkout-sessions",
        status_code=201,
        dependencies=[limits.per_user("payment.open_checkout", callers.reader)],
        response_model=CheckoutOpened,
        responses=limited(refusing(*_UNSOLD, CheckoutOpen, PricesNotLoaded, *_PROVIDER), 201),
    )
    async def open_checkout(
        request: Request, reader: Annotated[Person, signed_in], body: CheckoutBody, idempotency_key: IdempotencyKey
    ) -> Response:
        """Start a checkout and return the address of the payment page."""
        if body.promo_code:
            await count_guess(request, reader)
        attempt = _attempt(reader, "POST /payment/v1/checkout-sessions", idempotency_key, body)
        wish = Wish(body.plan_code, body.interval, body.return_path, body.promo_code)
        return _created(await use_cases.open_checkout(attempt, wish))

    @router.get("/checkout-sessions/{checkout_id}", responses=refusing(CheckoutNotFound))
    async def read_checkout(reader: Annotated[Person, signed_in], checkout_id: UUID) -> CheckoutView:
        """Read how far a checkout has come: poll this after the payment page sent the person back."""
        checkout, access = await use_cases.read_checkout(UserId(reader.user_id), checkout_id)
        return CheckoutView.of(checkout, access=access)

    @router.post(
        "/portal-sessions",
        status_code=201,
        dependencies=[limits.per_user("payment.open_portal", callers.reader)],
        response_model=PortalOpened,
        responses=limited(refusing(NoCustomer, *_PROVIDER), 201),
    )
    async def open_portal(
        reader: Annotated[Person, signed_in], body: PortalBody, idempotency_key: IdempotencyKey
    ) -> Response:
        """Return the address of the page for cards, bills and cancelling."""
        attempt = _attempt(reader, "POST /payment/v1/portal-sessions", idempotency_key, body)
        return _created(await use_cases.open_portal(attempt, body.return_path))

    return router


def _attempt(reader: Person, route: str, key: str, body: CheckoutBody | PortalBody) -> Attempt:
    return Attempt(UserId(reader.user_id), route, key, request_hash(body.model_dump()))


def _created(opened: Opened) -> Response:
    headers = {"Idempotent-Replayed": "true"} if opened.is_replay else {}
    return Response(orjson.dumps(dict(opened.answer.body)), 201, headers, "application/json")
