"""Promotion codes: what one is worth, asked slowly enough that nobody guesses one."""

from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from common_auth.callers import Callers, Person
from common_service.problems import RateLimited
from common_service.rate_limit import RateLimits, limited
from payment_service.api.schemas import Body, PromoCode
from payment_service.api.security import SIGNED_IN, refusing
from payment_service.api.use_cases import UseCases
from payment_service.domain.errors import CodeInvalid, ProviderRefused, ProviderUnavailable
from payment_service.domain.ids import UserId
from payment_service.domain.promotions import Duration, Promotion

GUESSES = "payment.validate_promo_code"


class PromoBody(Body):
    """What somebody typed."""

    code: PromoCode = Field(examples=["MYSTERY25"])


class DiscountView(BaseModel):
    """What a code takes off: a share or an amount; for the first bill, for some months, or for ever."""

    percent_basis_points: int | None = Field(description="Hundredths of a percent: 2500 is 25 %.")
    amount_off: int | None = Field(description="In minor units of `currency`.")
    currency: str | None
    duration: Duration
    duration_in_months: int | None
    minimum_amount: int | None = Field(description="The least bill it counts for, in `minimum_currency`.")
    minimum_currency: str | None


class PromoView(BaseModel):
    """A code that may be used; the payment page has the last word."""

    valid: Literal[True] = True
    code: str
    discount: DiscountView

    @classmethod
    def of(cls, promotion: Promotion) -> Self:
        """Return what may be shown."""
        discount = DiscountView.model_validate(promotion.discount, from_attributes=True)
        return cls(code=promotion.code, discount=discount)


def promo_routes(use_cases: UseCases, callers: Callers, limits: RateLimits) -> APIRouter:
    """Return the route that tells what a code is worth."""
    router = APIRouter(prefix="/promo-codes", tags=["checkout"], dependencies=[SIGNED_IN])

    @router.post(
        "/validate",
        dependencies=[limits.per_user(GUESSES, callers.reader)],
        responses=limited(refusing(CodeInvalid, ProviderUnavailable, ProviderRefused, RateLimited), 200),
    )
    async def validate_promo_code(reader: Annotated[Person, Depends(callers.reader)], body: PromoBody) -> PromoView:
        """Tell what a promotion code is worth to the caller."""
        return PromoView.of(await use_cases.validate_code(UserId(reader.user_id), body.code))

    return router
